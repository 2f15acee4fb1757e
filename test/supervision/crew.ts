/** What the tests of supervision share: children that do as they are told, and a diary of what happened to them. */
import {
  createSystem,
  fromBehavior,
  type ActorRef,
  type ExitReason,
  type Logger,
  type Restart,
  type SupervisorRef,
  type System,
} from 'troupe'
import { manualClock, type ManualClock } from 'troupe/testing'

/** What a child can be told. */
export type Order =
  | { type: 'crash' }
  /** By itself, reason `normal`. */
  | { type: 'finish' }
  /** By itself, reason `shutdown`. */
  | { type: 'quit' }
  | { type: 'note' }

/** A system on a clock that stands still. */
export interface Stage {
  readonly system: System
  readonly clock: ManualClock
  /** `+a` started, `-a` stopped, `a:note`; the oldest first. */
  readonly diary: string[]
  /** How many of its next starts fail, by the name of a child. */
  readonly failing: Map<string, number>
  /** What happens while it stops, by the name of a child. */
  readonly stopping: Map<string, () => Promise<void>>
  /** Why actors ended for good, by path. */
  readonly ends: Map<string, ExitReason>
  /** A child's logic. */
  readonly logic: ReturnType<typeof worker>
  /** Everything in the diary since the last time. */
  told(): string[]
  /** The child with this name; it is under `/crew`. */
  ref(name: string): ActorRef<Order>
  /** Tells a child what to do, and waits until all is quiet. */
  order(name: string, type: Order['type']): Promise<void>
  kill(name: string): Promise<void>
  settle(): Promise<void>
}

type Diary = Pick<Stage, 'diary' | 'failing' | 'stopping'>

const worker = ({ diary, failing, stopping }: Diary) =>
  fromBehavior<Order>((ctx) => {
    const name = ctx.self.path.split('/').at(-1) ?? ''
    const failures = failing.get(name) ?? 0
    if (failures > 0) {
      failing.set(name, failures - 1)
      diary.push(`!${name}`)
      throw new Error(`${name} does not start`)
    }
    diary.push(`+${name}`)
    ctx.onStop(async () => {
      diary.push(`-${name}`)
      await stopping.get(name)?.()
    })
    return ({ type }) => {
      if (type === 'crash') throw new Error(`${name} crashed`)
      if (type === 'finish') ctx.exit()
      if (type === 'quit') void ctx.stop(ctx.self)
      if (type === 'note') diary.push(`${name}:note`)
    }
  })

/** An empty stage. */
export const stage = async (): Promise<Stage> => {
  const clock = manualClock()
  const system = await createSystem({ clock, seed: 1, logger: silent })
  const state: Diary = { diary: [], failing: new Map(), stopping: new Map() }
  const ends = new Map<string, ExitReason>()
  system.events.subscribe((event) => {
    if (event.type === 'actor.terminated') ends.set(event.ref.path, event.reason)
  })
  const ref = (name: string): ActorRef<Order> => {
    const found = system.lookup<Order>(`/crew/${name}`)
    if (!found) throw new Error(`there is no "${name}"`)
    return found
  }
  return {
    ...state,
    ends,
    system,
    clock,
    logic: worker(state),
    told: () => state.diary.splice(0),
    ref,
    order: async (name, type) => {
      system.tell(ref(name), { type })
      await system.settle()
    },
    kill: async (name) => {
      system.kill(ref(name))
      await system.settle()
    },
    settle: () => system.settle(),
  }
}

/** Child specs by name; `'b?'` is transient, `'b-'` temporary. */
export const specs = ({ logic }: Pick<Stage, 'logic'>, ...names: readonly string[]) =>
  names.map((name) => ({ id: name.replace(/[?-]/, ''), logic, restart: restartOf(name) }))

const restartOf = (name: string): Restart =>
  name.endsWith('?') ? 'transient' : name.endsWith('-') ? 'temporary' : 'permanent'

/** Name and status of each child. */
export const statuses = async (system: System, crew: SupervisorRef): Promise<Record<string, string>> =>
  Object.fromEntries((await system.whichChildren(crew)).map(({ id, status }) => [id, status]))

/** A promise and what settles it. */
export const later = (): { promise: Promise<void>; resolve: () => void } => {
  let resolve = (): void => {}
  const promise = new Promise<void>((done) => (resolve = done))
  return { promise, resolve }
}

const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => silent }
