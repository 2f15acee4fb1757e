/**
 * The agenda of a blackboard: who is due, who is at work, and what follows from a change. No states; they are
 * in `blackboard.ts`.
 */

/** When a knowledge source is activated. */
export interface SourceRule {
  readonly name: string
  /** Higher goes first. */
  readonly priority: number
  /** The keys that trigger it; `undefined`: all. */
  readonly reads: readonly string[] | undefined
  /** Whether what it writes itself triggers it. */
  readonly ownWrites: boolean
}

/** The sources, and what bounds them. */
export interface BlackboardInput {
  readonly sources: readonly SourceRule[]
  /** How deep activations may cause each other. */
  readonly maxDepth: number
  /** Per source. */
  readonly maxActivations: number
}

/** A key that was written. */
export interface KeyChange {
  readonly key: string
  readonly version: number
}

/** What a source is due for. In the literature a KSAR: knowledge source activation record. */
export interface DueSource extends KeyChange {
  readonly source: string
  /** How many activations, this one included, have led to it. */
  readonly depth: number
}

/** A source at work. */
export interface Activation {
  readonly source: string
  readonly depth: number
}

/** The agenda, and who is at work. */
export interface BlackboardContext {
  readonly limits: BlackboardInput
  /** At most one for each source and key, oldest first. */
  readonly agenda: readonly DueSource[]
  readonly running: readonly Activation[]
  /** The sources whose `when` holds on the board as it is. */
  readonly willing: readonly string[]
  /** How often each source has been started. */
  readonly activations: Readonly<Record<string, number>>
  readonly quarantined: readonly string[]
}

/** What happens to a blackboard. */
export type BlackboardEvent =
  | {
      readonly type: 'board.changed'
      /** The source whose activation this ends; `undefined`: the start. */
      readonly by: string | undefined
      /** None: it had nothing to contribute. */
      readonly changes: readonly KeyChange[]
      readonly willing: readonly string[]
    }
  // What it wanted to write does not stand: it had not seen these changes.
  | { readonly type: 'source.refused'; readonly source: string; readonly changes: readonly KeyChange[] }
  // Its last attempt has failed.
  | { readonly type: 'source.failed'; readonly source: string }
  // The board is as it was wanted.
  | { readonly type: 'board.done' }

/** What a blackboard asks for. */
export type BlackboardEffect =
  // Answered by `board.changed`, `source.refused` or `source.failed`.
  | {
      readonly type: 'source.start'
      readonly source: string
      readonly depth: number
      /** Why, newest version of each key. */
      readonly causes: readonly KeyChange[]
      /** Others that are due. */
      readonly waiting: readonly string[]
    }
  // For the record: it is not activated any more.
  | {
      readonly type: 'source.quarantined'
      readonly source: string
      readonly reason: 'failed' | 'depth' | 'activations'
    }
  | { readonly type: 'sources.withdraw'; readonly sources: readonly string[] }
  | { readonly type: 'board.quiescent' }

const ruleOf = ({ limits }: BlackboardContext, source: string): SourceRule | undefined =>
  limits.sources.find(({ name }) => name === source)

const priorityOf = (context: BlackboardContext, source: string): number =>
  ruleOf(context, source)?.priority ?? 0

/** The activation of a source, while it is at work. */
export const atWork = ({ running }: BlackboardContext, source: string): Activation | undefined =>
  running.find((activation) => activation.source === source)

const startsOf = ({ activations }: BlackboardContext, source: string): number =>
  Object.hasOwn(activations, source) ? (activations[source] ?? 0) : 0

/** The source that an event is about. */
export const authorOf = (event: BlackboardEvent): string | undefined => {
  if (event.type === 'board.changed') return event.by
  return event.type === 'board.done' ? undefined : event.source
}

/** A newer version takes the place of an older one, and keeps its age. */
const put = (agenda: readonly DueSource[], due: DueSource): readonly DueSource[] => {
  const place = agenda.findIndex(({ source, key }) => source === due.source && key === due.key)
  const older = agenda[place]
  if (!older) return [...agenda, due]
  const newer = {
    ...due,
    version: Math.max(older.version, due.version),
    depth: Math.max(older.depth, due.depth),
  }
  return agenda.with(place, newer)
}

const triggers = (rule: SourceRule, { key }: KeyChange, by: string | undefined): boolean =>
  (rule.reads === undefined || rule.reads.includes(key)) && (rule.name !== by || rule.ownWrites)

const without = (context: BlackboardContext, source: string | undefined): Partial<BlackboardContext> => ({
  running: context.running.filter((activation) => activation.source !== source),
})

/** The agenda after a change. */
export const noted = (context: BlackboardContext, event: BlackboardEvent): Partial<BlackboardContext> => {
  if (event.type !== 'board.changed') return {}
  const { by, changes, willing } = event
  const depth = (by === undefined ? 0 : (atWork(context, by)?.depth ?? 0)) + 1
  let { agenda } = context
  for (const change of changes) {
    for (const rule of context.limits.sources) {
      const { name } = rule
      if (!willing.includes(name) || context.quarantined.includes(name) || !triggers(rule, change, by))
        continue
      agenda = put(agenda, { ...change, source: name, depth })
    }
  }
  return { ...without(context, by), agenda, willing }
}

/** What it had not seen it is due for again. */
export const putBack = (context: BlackboardContext, event: BlackboardEvent): Partial<BlackboardContext> => {
  if (event.type !== 'source.refused') return {}
  const { source, changes } = event
  const depth = atWork(context, source)?.depth ?? 1
  const agenda = changes.reduce((all, change) => put(all, { ...change, source, depth }), context.agenda)
  return { ...without(context, source), agenda }
}

/** The oldest of those that are not at work, at the highest priority of all that are due or at work. */
export const next = (context: BlackboardContext): DueSource | undefined => {
  const { agenda, running } = context
  const highest = Math.max(...[...agenda, ...running].map(({ source }) => priorityOf(context, source)))
  return agenda.find(({ source }) => priorityOf(context, source) === highest && !atWork(context, source))
}

/** One activation answers for all that its source is due for: it sees the whole board. */
const causesOf = ({ agenda }: BlackboardContext, source: string): readonly DueSource[] =>
  agenda.filter((due) => due.source === source)

const depthOf = (context: BlackboardContext, source: string): number =>
  Math.max(...causesOf(context, source).map(({ depth }) => depth))

/** Which limit the next one would pass. */
export const excess = (context: BlackboardContext): 'depth' | 'activations' | undefined => {
  const due = next(context)
  if (!due) return undefined
  if (startsOf(context, due.source) >= context.limits.maxActivations) return 'activations'
  return depthOf(context, due.source) > context.limits.maxDepth ? 'depth' : undefined
}

/** Whether the next one cannot contribute any more. */
export const isUnwilling = (context: BlackboardContext): boolean => {
  const due = next(context)
  return due !== undefined && !context.willing.includes(due.source)
}

/** Without what a source is due for. */
export const dropped = (
  context: BlackboardContext,
  source: string | undefined,
): Partial<BlackboardContext> => ({
  agenda: context.agenda.filter((due) => due.source !== source),
})

/** The next one is at work. */
export const started = (context: BlackboardContext): Partial<BlackboardContext> => {
  const due = next(context)
  if (!due) return {}
  const { source } = due
  return {
    ...dropped(context, source),
    running: [...context.running, { source, depth: depthOf(context, source) }],
    activations: { ...context.activations, [source]: startsOf(context, source) + 1 },
  }
}

const waitingBeside = ({ agenda }: BlackboardContext, source: string): readonly string[] => [
  ...new Set(agenda.map((due) => due.source).filter((other) => other !== source)),
]

/** What is told of the next one at its start. */
export const upcoming = (
  context: BlackboardContext,
): Omit<Extract<BlackboardEffect, { type: 'source.start' }>, 'type'> => {
  const source = next(context)?.source ?? ''
  const causes = causesOf(context, source).map(({ key, version }) => ({ key, version }))
  const waiting = waitingBeside(context, source)
  return { source, depth: depthOf(context, source), causes, waiting }
}

/** A source in quarantine. */
export const shut = (context: BlackboardContext, source: string): Partial<BlackboardContext> => ({
  ...dropped(context, source),
  ...without(context, source),
  quarantined: [...context.quarantined, source],
})
