/** What happened in a run, made of its events alone: spans, decisions, figures per agent. */
import type { Outcome, RunEvent, Usage } from 'troupe'

/** Something that took time: a task, a tool call or a step. */
export interface Span {
  readonly id: string
  /** None for the root. */
  readonly parent: string | undefined
  readonly kind: 'task' | 'tool' | 'step'
  readonly name: string
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  endedAt?: number
  status: 'running' | Outcome['status']
  /** What came of it, in at most 60 characters. */
  summary: string
  retries: number
  /** Calls of a model, and what they used; of this task alone. */
  calls: number
  usage: Usage
}

/** A choice, why it was made, and what else there was. */
export interface Decision {
  readonly at: number
  readonly agent: string
  readonly kind: string
  readonly chosen: string
  readonly alternatives: readonly string[]
  readonly reason: string | undefined
}

/** A run as its events tell it. */
export interface Trace {
  readonly runId: string
  readonly input: unknown
  /** `undefined` while it runs. */
  readonly outcome: Outcome | undefined
  /** In the order of their start. */
  readonly spans: readonly Span[]
  readonly decisions: readonly Decision[]
}

const none: Usage = { inputTokens: 0, cachedTokens: 0, outputTokens: 0, usd: 0 }

const sum = (a: Usage, b: Usage): Usage => ({
  inputTokens: a.inputTokens + b.inputTokens,
  cachedTokens: a.cachedTokens + b.cachedTokens,
  outputTokens: a.outputTokens + b.outputTokens,
  usd: a.usd === undefined || b.usd === undefined ? undefined : a.usd + b.usd,
})

const summaryOf = (outcome: Outcome): string => {
  const { status, ...rest } = outcome
  const text =
    'error' in outcome
      ? outcome.error.message
      : JSON.stringify('output' in outcome ? outcome.output : rest)
  return text === undefined ? status : text.length > 60 ? `${text.slice(0, 59)}…` : text
}

/** Reads the events of one run, as `system.runs.show(id)` gives them. */
export const traceOf = (events: readonly RunEvent[]): Trace => {
  let input: unknown
  let outcome: Outcome | undefined
  const decisions: Decision[] = []
  for (const event of events) {
    if (event.type === 'run.started') input = event.input
    else if (event.type === 'run.ended') outcome = event.outcome
    else if (event.type === 'decision.made') {
      const { at, agent, kind, chosen, alternatives, reason } = event
      decisions.push({ at, agent, kind, chosen, alternatives, reason })
    }
  }
  return { runId: events[0]?.runId ?? '', input, outcome, spans: spansOf(events), decisions }
}

const spansOf = (events: readonly RunEvent[]): Span[] => {
  const spans = new Map<string, Span>()
  const start = (id: string, of: Pick<Span, 'parent' | 'kind' | 'name'>, at: number): void => {
    const nothing = { status: 'running', summary: '', retries: 0, calls: 0, usage: none } as const
    spans.set(id, { id, ...of, startedAt: at, ...nothing })
  }
  const end = (id: string, how: Outcome, at: number): void => {
    const span = spans.get(id)
    if (span) Object.assign(span, { endedAt: at, status: how.status, summary: summaryOf(how) })
  }
  for (const event of events) {
    const { at, taskId, parentTaskId: parent, agent } = event
    const task = spans.get(taskId)
    switch (event.type) {
      case 'task.started':
        start(taskId, { parent, kind: 'task', name: agent }, at)
        break
      case 'task.retried':
        if (task) task.retries += 1
        break
      case 'model.ended':
        if (task) Object.assign(task, { calls: task.calls + 1, usage: sum(task.usage, event.usage) })
        break
      case 'task.ended':
        end(taskId, event.outcome, at)
        break
      case 'tool.started':
      case 'step.started': {
        const kind = event.type === 'tool.started' ? 'tool' : 'step'
        start(event.key, { parent: taskId, kind, name: event.name }, at)
        break
      }
      case 'tool.ended':
      case 'step.ended':
        end(event.key, event.outcome, at)
        break
      default:
      // All else takes no time.
    }
  }
  return [...spans.values()]
}

/** What an agent did in some runs. */
export interface Figures {
  completed: number
  failed: number
  retried: number
  totalMs: number
  averageMs: number
  messagesIn: number
  messagesOut: number
  usage: Usage
}

/** The figures of each agent, from the traces of runs that have ended. */
export const figuresOf = (traces: readonly Trace[]): Map<string, Figures> => {
  const figures = new Map<string, Figures>()
  const of = (name: string): Figures => {
    const known = figures.get(name)
    if (known) return known
    const fresh: Figures = {
      completed: 0,
      failed: 0,
      retried: 0,
      totalMs: 0,
      averageMs: 0,
      messagesIn: 0,
      messagesOut: 0,
      usage: none,
    }
    figures.set(name, fresh)
    return fresh
  }
  for (const { spans } of traces) {
    const names = new Map(spans.map(({ id, name }) => [id, name]))
    for (const span of spans.filter(({ kind }) => kind === 'task')) {
      const agent = of(span.name)
      if (span.status === 'completed') agent.completed += 1
      else agent.failed += 1
      agent.retried += span.retries
      agent.totalMs += (span.endedAt ?? span.startedAt) - span.startedAt
      agent.averageMs = agent.totalMs / (agent.completed + agent.failed)
      agent.usage = sum(agent.usage, span.usage)
      agent.messagesIn += 1
      const asker = span.parent === undefined ? undefined : names.get(span.parent)
      if (asker !== undefined) of(asker).messagesOut += 1
    }
  }
  return figures
}

/** A trace for people, one line a span, indented below its parent. */
export const linesOf = ({ runId, spans, decisions }: Trace): string[] => {
  const below = (parent: string | undefined, depth: number): string[] =>
    spans.flatMap((span) =>
      span.parent === parent ? [`${'  '.repeat(depth)}${lineOf(span)}`, ...below(span.id, depth + 1)] : [],
    )
  const why = decisions.map(
    ({ agent, kind, chosen, alternatives, reason = 'no reason given' }) =>
      `${agent}: ${kind} ${chosen}${alternatives.length > 0 ? `, not ${alternatives.join(', ')}` : ''}: ${reason}`,
  )
  return [runId, ...below(undefined, 1), ...why]
}

const lineOf = (span: Span): string => {
  const { kind, name, startedAt, endedAt, status, summary, retries, calls, usage } = span
  const took = endedAt === undefined ? 'not over' : `${endedAt - startedAt} ms`
  const tries = retries > 0 ? `, ${retries} ${retries === 1 ? 'retry' : 'retries'}` : ''
  const tokens = `${usage.inputTokens} tokens in, ${usage.outputTokens} out, ${usage.usd?.toFixed(6) ?? 'unknown'} USD`
  const cost = calls > 0 ? `, ${calls} ${calls === 1 ? 'call' : 'calls'}: ${tokens}` : ''
  return `${kind} ${name}: ${status} in ${took}${tries}${cost}: ${summary}`
}
