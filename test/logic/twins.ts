/** Runs a machine compiled and on XState's own Actor side by side, and finds where they differ. */
import { deepStrictEqual } from 'node:assert/strict'
import {
  createActor,
  type AnyActor,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type EventObject,
} from 'xstate'
import { compile, type CompiledMachine, type CompiledState } from '../../src/logic/compile/compile.ts'

/** What can be seen of one step. */
interface Seen {
  readonly value?: unknown
  readonly context?: unknown
  readonly status?: unknown
  readonly output?: unknown
  readonly emitted: readonly unknown[]
  readonly thrown?: string
}

/** The tables of a machine that has to be covered. */
export const tablesOf = (machine: AnyStateMachine): CompiledMachine => {
  const made = compile(machine)
  if ('uncovered' in made) throw new Error(`not covered: ${made.uncovered.join(', ')}`)
  return made
}

/** Drives both forms by the same events. @throws where they differ */
export const runTwins = (
  machine: AnyStateMachine,
  { input, events }: { input?: unknown; events: readonly EventObject[] },
): { taken: number; thrown: number; last: CompiledState | undefined } => {
  const tables = tablesOf(machine)
  const actor = actorTwin(machine)
  let state: CompiledState | undefined
  let [taken, thrown] = [0, 0]
  const outbox: EventObject[] = [{ type: 'earlier' }]
  const stepped = (step: () => CompiledState): Seen => {
    outbox.length = 1
    try {
      state = step()
      const { value, context, status, output } = state
      return { value, context, status, output, emitted: outbox.slice(1) }
    } catch (error) {
      thrown += 1
      return { emitted: outbox.slice(1), thrown: textOf(error) }
    }
  }
  same(
    'at the start',
    stepped(() => tables.initial(input, outbox)),
    actor.start(input),
  )
  for (const [at, event] of events.entries()) {
    const before = state
    if (!before) break
    const where = `at event ${at}, ${JSON.stringify(event)}, in ${JSON.stringify(before.value)}`
    same(
      where,
      stepped(() => tables.step(before, event, outbox)),
      actor.step(event),
    )
    if (before.status === 'active' && state !== before) taken += 1
  }
  if (state) sameSnapshot(tables, state, actor.snapshot())
  return { taken, thrown, last: state }
}

/** One step of a machine's graph, as XState's interpreter takes it. */
export interface KnownStep {
  readonly from: AnyMachineSnapshot
  readonly event: EventObject
  readonly to: AnyMachineSnapshot
  readonly effects: readonly unknown[]
}

/** Takes each step of an explored graph compiled. @throws where it ends elsewhere or asks for something else */
export const sameOnGraph = (machine: AnyStateMachine, steps: readonly KnownStep[]): void => {
  const tables = tablesOf(machine)
  for (const { from, event, to, effects } of steps) {
    const outbox: EventObject[] = []
    const where = `on ${JSON.stringify(event)} in ${JSON.stringify(from.value)} with ${JSON.stringify(from.context)}`
    const before = tables.restore(from)
    const { value, context, status, output } = tables.step(before, event, outbox)
    const expected = { value: to.value, context: to.context, status: to.status, output: to.output, effects }
    same(where, { value, context, status, output, effects: outbox }, expected)
  }
}

const sameSnapshot = (tables: CompiledMachine, state: CompiledState, theirs: AnyMachineSnapshot): void => {
  const ours = tables.snapshot(state)
  const shown = (snapshot: AnyMachineSnapshot) => {
    const { tags, ...rest } = JSON.parse(JSON.stringify(snapshot)) as { tags: string[] }
    return { ...rest, tags: tags.toSorted(), meta: snapshot.getMeta(), has: snapshot.hasTag('tag-3') }
  }
  same('the snapshot', shown(ours), shown(theirs))
  if (!ours.matches(state.value)) throw new Error('the snapshot does not match its own value')
  const restored = tables.restore(JSON.parse(JSON.stringify(theirs)) as AnyMachineSnapshot)
  same('what was restored', restored.value, state.value)
}

/** An actor that goes on after a throw from where it stood, as compiled machines do. */
const actorTwin = (machine: AnyStateMachine) => {
  let actor: AnyActor | undefined
  let emitted: unknown[] = []
  let failure: { error: unknown } | undefined
  let state: AnyMachineSnapshot | undefined

  const start = (options: object): AnyActor => {
    const started = createActor(machine, options)
    started.on('*', (event) => emitted.push(event))
    started.subscribe({ error: (error) => (failure = { error }) })
    return started.start()
  }
  const seen = (run: () => void): Seen => {
    emitted = []
    failure = undefined
    run()
    const failed = failure as { error: unknown } | undefined
    if (failed) {
      if (state) actor = start({ snapshot: state })
      return { emitted: [], thrown: textOf(failed.error) }
    }
    state = actor?.getSnapshot() as AnyMachineSnapshot
    const { value, context, status, output } = state
    return { value, context, status, output, emitted }
  }
  return {
    start: (input: unknown) => seen(() => (actor = start({ input }))),
    step: (event: EventObject) => seen(() => state?.status === 'active' && actor?.send(event)),
    snapshot: () => state as AnyMachineSnapshot,
  }
}

// Both forms say that a machine loops, each in its own words.
const textOf = (error: unknown): string =>
  (error as Error).message.replace(/(Infinite loop detected).*/s, '$1')

const same = (where: string, ours: unknown, theirs: unknown): void => {
  try {
    deepStrictEqual(ours, theirs)
  } catch (error) {
    throw new Error(`compiled and interpreted differ ${where}: ${(error as Error).message}`, { cause: error })
  }
}
