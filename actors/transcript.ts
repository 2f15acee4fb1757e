/**
 * What was said in one task of an agent with a model. It belongs to the task, not to an attempt: the next attempt goes
 * on where the one before has stopped, and never repeats a tool call that has a result.
 */
import type { ModelMessage, ModelResult, ToolCall } from '../src/contracts/ports.ts'
import type { TaskScope } from '../src/contracts/task-scope.ts'
import type { ToolDefinition } from '../src/contracts/tool-definition.ts'
import type { History } from './history.ts'
import { keyOf } from './step-scope.ts'

/** One call of a tool, over all attempts. */
export interface CallRecord {
  /** The provider's, or ours where that is none. */
  readonly id: string
  readonly name: string
  /** Of the step, the same in each attempt. Empty for a call that cannot be run. */
  readonly key: string
  /** `undefined`: it cannot be run, and its result says why. */
  readonly tool: ToolDefinition | undefined
  /** Parsed; what a guard or a person made of it. */
  input: unknown
  /** Guard and people have let it pass. */
  isCleared: boolean
  /** It has begun, and nobody knows more unless there is a result. */
  hasStarted: boolean
  result: ToolResult | undefined
}

/** A call that cannot be run, with what is wrong with it. */
export const brokenCall = ({ id, name }: ToolCall, text: string): CallRecord => ({
  id,
  name,
  key: '',
  tool: undefined,
  input: undefined,
  isCleared: false,
  hasStarted: false,
  result: { text, failed: true },
})

/** What a call gave, in words for the model. */
export interface ToolResult {
  readonly text: string
  readonly failed: boolean
}

/** How a transcript begins. */
export interface Beginning {
  readonly instructions: string | undefined
  readonly history: History
  /** The task in words. */
  readonly own: readonly ModelMessage[]
}

const SUPERSEDED = 'superseded: the task ended before this was done'
const LOST = 'superseded: the task ended while this was being done; whether it was done is not known'

/** The messages of one task, and the calls of the last answer. */
export class Transcript {
  /** How often the model was asked in vain in the turn in hand. */
  tries = 0
  /** Of the last answer. */
  calls: readonly CallRecord[] = []
  /** What the model has to be told of its last answer. */
  fault: string | undefined
  /** History that did not fit, until a summary stands in its place. */
  dropped: readonly ModelMessage[]
  readonly #task: TaskScope
  /** Instructions and history, which others have said; and what was said here. */
  #before: readonly ModelMessage[]
  readonly #own: ModelMessage[]
  /** What only mends an answer. */
  #asides: Set<ModelMessage> | undefined
  /** The turn in hand, from 1; and whether the model has answered in it. */
  #turn = 1
  #isAnswered = false
  /** Ids that were given, and how often each tool was called. */
  #ids: Set<string> | undefined
  #occurrences: Map<string, number> | undefined

  constructor(task: TaskScope, { instructions, history, own }: Beginning) {
    this.#task = task
    this.#before =
      instructions === undefined ? history.kept : [{ role: 'system', text: instructions }, ...history.kept]
    this.#own = [...own]
    this.dropped = history.dropped
    for (const message of history.kept) {
      if (message.role === 'assistant') for (const { id } of message.calls) (this.#ids ??= new Set()).add(id)
    }
  }

  /** That of the task, which is begun once. */
  static of(task: TaskScope, begin: () => Beginning): Transcript {
    // No key of a step: those have a run and a task in them.
    const known = task.steps.get('transcript')
    if (known instanceof Transcript) return known
    const made = new Transcript(task, begin())
    task.steps.set('transcript', made)
    return made
  }

  /** Where the next attempt goes on: in this turn while it has no answer, or has calls without a result. */
  get turn(): number {
    return this.#isAnswered && this.open.length === 0 ? this.#turn + 1 : this.#turn
  }

  /** Calls that have no result yet. */
  get open(): readonly CallRecord[] {
    return this.calls.filter(({ result }) => result === undefined)
  }

  /** Whether a tool was called before. */
  get hasCalled(): boolean {
    return this.#occurrences !== undefined
  }

  /** Tells the model what its last answer led to. @returns all that it is to read */
  turnBegins(turn: number): readonly ModelMessage[] {
    if (turn !== this.#turn) this.tries = 0
    this.#turn = turn
    this.#isAnswered = false
    for (const { id, result } of this.calls) {
      if (result) this.#own.push({ role: 'tool', callId: id, ...result })
    }
    this.calls = []
    if (this.fault !== undefined) this.#tellFault(this.fault)
    return [...this.#before, ...this.#own]
  }

  /** What was said here, for whoever goes on: without what only mended an answer, and with an end for each call. */
  said(): readonly ModelMessage[] {
    const own = this.fault === undefined ? this.#own : withoutAnswer(this.#own)
    const said = own.filter((message) => !this.#asides?.has(message))
    const ends = this.calls.map(({ id, hasStarted, result }): ModelMessage => {
      const open = { text: hasStarted ? LOST : SUPERSEDED, failed: true }
      return { role: 'tool', callId: id, ...(result ?? open) }
    })
    return [...said, ...ends]
  }

  /** A summary takes the place of what did not fit. */
  summarised(summary: ModelMessage): void {
    const at = this.#before[0]?.role === 'system' ? 1 : 0
    this.#before = [...this.#before.slice(0, at), summary, ...this.#before.slice(at)]
    this.dropped = []
  }

  /** Keeps an answer. Its calls have ids, each of its own. */
  answered({ text, calls }: Pick<ModelResult, 'text' | 'calls'>): readonly ToolCall[] {
    this.#isAnswered = true
    this.tries = 0
    const named = calls.map((call) => ({ ...call, id: this.#idFor(call) }))
    // Providers refuse messages without content.
    if (text.trim() !== '' || named.length > 0) this.#own.push({ role: 'assistant', text, calls: named })
    return named
  }

  /** A record for a call of the last answer that can be run. */
  recordOf({ id, name }: ToolCall, tool: ToolDefinition, input: unknown): CallRecord {
    this.#occurrences ??= new Map()
    const occurrence = (this.#occurrences.get(name) ?? 0) + 1
    this.#occurrences.set(name, occurrence)
    const key = keyOf(this.#task, name, occurrence)
    return { id, name, key, tool, input, isCleared: false, hasStarted: false, result: undefined }
  }

  #tellFault(text: string): void {
    const answer = this.#own.at(-1)
    const asides = (this.#asides ??= new Set())
    if (answer?.role === 'assistant') asides.add(answer)
    const told: ModelMessage = { role: 'user', text }
    asides.add(told)
    this.#own.push(told)
    this.fault = undefined
  }

  #idFor({ id }: ToolCall): string {
    const ids = (this.#ids ??= new Set())
    let unique = id
    for (let n = ids.size + 1; unique === '' || ids.has(unique); n += 1) unique = `call-${String(n)}`
    ids.add(unique)
    return unique
  }
}

/** An answer that nobody has mended is none. */
const withoutAnswer = (messages: readonly ModelMessage[]): readonly ModelMessage[] =>
  messages.at(-1)?.role === 'assistant' ? messages.slice(0, -1) : messages
