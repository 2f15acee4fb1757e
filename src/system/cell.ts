/**
 * The cell of one actor: who it is, what waits for it, who is below it, and its turn. What leads from one state of its
 * life to the next is in `start-cell.ts`, `stopping.ts` and `terminate.ts`; a cell outlives the incarnations of its logic.
 */
import type { AnyActorLogic } from 'xstate'
import type { ExitReason, SpawnOptions } from '../contracts/logic.ts'
import type { Life } from '../logic/life.ts'
import type { CoreOf, Powers } from './core.ts'
import type { Family } from './family.ts'
import type { Mail, Party } from './mail.ts'
import { Mailbox } from './mailbox.ts'
import { More } from './more.ts'
import { Ref } from './ref.ts'
import type { Runnable } from './scheduler.ts'

/** The kernel, as its cells and all that acts on them know it. */
export type Core = CoreOf<Cell>

/**
 * - `draining`: takes no more, and stops when its mailbox is empty
 * - `stopping`: only effect results, replies and timers still reach it
 * - `ending`: its logic is over; children go, then its hooks
 * - `suspended`: waits to be restarted, or for its end
 */
export type State = 'starting' | 'running' | 'draining' | 'stopping' | 'ending' | 'suspended' | 'terminated'

/** How a cell is set up; shared between cells that are set up alike. */
export type CellOptions = Omit<SpawnOptions, 'id' | 'input' | 'parent' | 'link'> & {
  /** Whether messages reach the logic in their envelope, as agents want them. */
  readonly envelopes?: boolean
  /** Whether it is restarted by a budget of its own, and stops alone when that is spent. */
  readonly ownBudget?: boolean
}

export class Cell implements Runnable, Party {
  readonly kernel: Core
  readonly name: string
  readonly parent: Cell | undefined
  #ref: Ref | undefined
  readonly logic: AnyActorLogic
  readonly input: unknown
  readonly options: CellOptions
  state: State = 'starting'
  generation = 0
  ready = false
  /** The turn in hand; signals wait for its end. */
  inTurn = false
  /** The message in hand. */
  mail: Mail | undefined
  life: Life | undefined
  /** Of its incarnation. */
  powers: Powers | undefined
  gateOpen = true
  /** How it ends itself, once the turn in hand is over. */
  exit: ExitReason | undefined
  /** Promises whose results it waits for; a stop waits with it. */
  piped = 0
  /** What its logic gave at its end. */
  output: unknown
  readonly mailbox = new Mailbox<Mail>()
  signals: (() => void)[] | undefined
  children: Family<Cell> | undefined
  before: Cell | undefined
  after: Cell | undefined
  /** The request that a task works at: what it sends hangs together with that, whatever it handles. */
  origin: Mail | undefined
  /** What is called when it is gone. */
  gone: ((reason: ExitReason) => void)[] | undefined
  /** The rarely needed rest. */
  more: More<Cell> | undefined

  constructor(kernel: Core, parent: Cell | undefined, name: string, start: Start) {
    this.kernel = kernel
    this.parent = parent
    this.name = name
    this.logic = start.logic
    this.input = start.input
    this.options = start.options
  }

  get path(): string {
    const { parent, name } = this
    if (parent === undefined) return '/'
    return parent.parent === undefined ? `/${name}` : `${parent.path}/${name}`
  }

  /** Made when somebody asks: few tasks are ever spoken of. */
  get ref(): Ref {
    if (this.#ref) return this.#ref
    this.#ref = new Ref(this, this.kernel.name, this.path, this.kernel.uid())
    if ('supervisor' in this.logic) this.#ref.supervisor = true
    return this.#ref
  }

  get rest(): More<Cell> {
    return (this.more ??= new More())
  }

  get alive(): boolean {
    return this.state !== 'terminated'
  }

  /** Whether messages of users are taken from the mailbox. */
  get receiving(): boolean {
    return this.state === 'running' || this.state === 'draining' || this.state === 'stopping'
  }

  get pending(): boolean {
    return (this.signals !== undefined && this.signals.length > 0) || this.hasMail
  }

  /** Whether a message waits that it takes now. */
  get hasMail(): boolean {
    if (!this.receiving) return false
    return this.isPausing ? this.mailbox.some(isOwn) : this.mailbox.has(this.gateOpen)
  }

  /** It goes down to be started again, and leaves its mail to the next incarnation. */
  get isPausing(): boolean {
    return this.state === 'stopping' && this.more?.stop?.toRestart === true
  }

  /** Whether somebody else stops it for good. */
  get isStopped(): boolean {
    const asked = this.more?.stop
    return asked !== undefined && !asked.byItself && !asked.toRestart
  }

  /** The system lane: first, unbounded, never dropped. */
  signal(act: () => void): void {
    ;(this.signals ??= []).push(act)
    this.kernel.scheduler.ready(this)
  }

  /** What our own logic throws outside of messages crashes its actor, and nobody else. */
  #act(signal: () => void): void {
    try {
      signal()
    } catch (thrown) {
      this.kernel.failed(this, thrown)
    }
    this.more?.live?.changed()
  }

  turn(batch: number): number {
    this.inTurn = true
    let done = 0
    try {
      for (; done < batch; done += 1) {
        const signal = this.signals?.shift()
        if (signal) {
          this.#act(signal)
        } else {
          if (!this.receiving) break
          const mail = this.isPausing ? this.mailbox.take(isOwn) : this.mailbox.next(this.gateOpen)
          if (mail === undefined) break
          this.kernel.handle(this, mail)
        }
        if (this.state !== 'running' || this.exit !== undefined) this.kernel.afterTurn(this)
      }
    } finally {
      this.inTurn = false
    }
    return done
  }
}

/** What an actor tells itself is of one incarnation. */
const isOwn = ({ bare }: Mail): boolean => bare

/** What a cell starts from. */
export interface Start {
  readonly logic: AnyActorLogic
  readonly input: unknown
  readonly options: CellOptions
}
