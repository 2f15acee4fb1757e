/** One system of a simulation, what is known of it, and how a step is checked. What can happen in a step is in `moves.ts`. */
import { createSystem, type AnyRef, type Logger, type SupervisorRef, type System } from 'troupe'
import { kernelOf } from '../../../src/system/start-system.ts'
import { chance, type Chance } from './chance.ts'
import { Forecast, Unsure } from './forecast.ts'
import { Links } from './links.ts'
import { puppets, type Puppet } from './puppet.ts'
import { StageClock } from './stage-clock.ts'
import { subtree, Tree, type Node, type Plan, type Spec } from './tree.ts'
import { Fault, Witness, type Happened } from './witness.ts'

/** Something that can happen. */
export interface Move {
  /** For the log. */
  readonly text: string
  /** Whose life it may change, and so of those that depend on them. */
  readonly touches?: readonly Node[] | undefined
  /** What follows from it, where that is known. */
  readonly foresee?: ((forecast: Forecast) => void) | undefined
  run(): void | Promise<void>
  /** Of several causes at the same time, whose order decides. */
  readonly isMixed?: boolean | undefined
}

const LOGGED = 30

export class World {
  readonly chance: Chance
  readonly clock = new StageClock(() => kernelOf(this.system).scheduler.busy)
  readonly witness = new Witness<Puppet>(this.clock)
  readonly puppet = puppets(this.witness)
  readonly plans = new WeakMap<object, Plan>()
  readonly links = new Links()
  /** Incarnations that are over, to see that they can do nothing any more. */
  readonly ghosts: Puppet[] = []
  system!: System
  tree!: Tree
  quiet = true
  /** How many steps could be foreseen exactly. */
  foreseen = 0
  unquietSteps = 0
  ids = 0
  readonly #log: string[] = []
  /** Paths below which everything may end and start until it is quiet again. */
  readonly #concerned = new Set<string>()

  constructor(seed: string) {
    this.chance = chance(seed)
  }

  async open(): Promise<void> {
    const supervision = { intensity: Infinity, periodMs: 1 }
    this.system = await createSystem({ clock: this.clock, seed: 1, logger: silent, supervision })
    this.system.events.subscribe((event) => this.witness.onEvent(event))
    this.system.deadLetters.subscribe((letter) => this.witness.onLetter(letter))
    this.tree = new Tree(this.system, this.plans)
  }

  /** @throws Fault when something was wrong */
  async step(move: Move): Promise<void> {
    this.#log.push(`${this.clock.now()} ms  ${move.text}`)
    if (this.#log.length > LOGGED) this.#log.shift()
    this.witness.move = move.text
    const forecast = this.#forecast(move)
    this.witness.diary.clear()
    await move.run()
    // It may have made links.
    if (!forecast) for (const node of move.touches ?? []) this.#concern(node)
    await this.clock.settle()
    this.check(forecast)
    if (!forecast && this.quiet) await this.#learnSpecs()
  }

  /** The last moves, and who is not at rest. */
  report(): string {
    return `${this.#restless()}\n${this.#log.join('\n')}`
  }

  #forecast({ touches = [], foresee, isMixed = false }: Move): Forecast | undefined {
    if (this.quiet && !isMixed && (foresee || touches.length === 0)) {
      const forecast = new Forecast(this.tree, this.clock.now(), {
        isLinked: (uid) => this.links.has(uid),
        isBusy: (uid) => (this.witness.lives.get(uid)?.piped ?? 0) > 0,
      })
      try {
        foresee?.(forecast)
        this.foreseen += 1
        return forecast
      } catch (error) {
        if (!(error instanceof Unsure)) throw error
      }
    }
    for (const node of touches) this.#concern(node)
    return undefined
  }

  /** What is at this path, and below, may start or end. */
  concern(path: string): void {
    this.#concerned.add(path)
  }

  /** What may end or start because of this one: all below, whoever is linked, its group. */
  #concern(node: Node, seen = new Set<Node>()): void {
    const { parent } = node
    if (!parent || seen.has(node)) return
    seen.add(node)
    this.#concerned.add(node.ref.path)
    for (const { uid } of subtree(node)) {
      for (const other of this.links.of(uid)) {
        const linked = this.tree.find({ uid: other })
        if (linked) this.#concern(linked, seen)
      }
    }
    for (const { id } of groupOf(node)) {
      const sibling = parent.children.find(({ cell }) => cell.name === id)
      // It may be down, and is started again with its group.
      if (sibling) this.#concern(sibling, seen)
      else this.#concerned.add(`${parent.ref.path}/${id}`)
    }
  }

  /** After every step. @param forecast without one, only what may have happened is known */
  check(forecast: Forecast | undefined): void {
    const { witness, tree } = this
    const happened = witness.report()
    for (const ref of happened.gaveUp) {
      const node = tree.find(ref)
      if (node) this.#concern(node)
    }
    const before = tree.look()
    this.#checkAccount()
    this.#checkEvents(before, happened)
    if (forecast) this.#checkForecast(forecast, happened)
    else this.#checkConcerned(before, happened)
    this.#forgetEnded(happened)
    witness.checkAsks(this.clock.now(), (uid) => UP.includes(tree.find({ uid })?.cell.state ?? ''))
    this.quiet = tree.isQuiet()
    if (this.quiet) this.#calm()
    else if (forecast) throw new Fault('it does not come to rest')
    else this.unquietSteps += 1
    const [fault] = witness.faults
    if (fault) throw fault
  }

  #restless(): string {
    const all = this.tree.all.map(({ ref, cell, plan }) => {
      const machine = plan ? ` ${JSON.stringify(cell.powers?.interpreter?.value)}` : ''
      return `${ref.path} ${cell.state}${machine}, ${cell.mailbox.size} queued`
    })
    return all.filter((line) => !line.endsWith('running "running", 0 queued') && !line.endsWith('running, 0 queued')).join('\n')
  }

  #checkAccount(): void {
    const { sent, handled, expired, deadLettered, queued, actors } = this.system.stats()
    if (sent !== handled + expired + deadLettered + queued) {
      throw new Fault(`${sent} sent, but ${handled} handled + ${expired} expired + ${deadLettered} dead + ${queued} queued`)
    }
    const { letters, expired: told } = this.witness
    if (letters !== deadLettered || told !== expired) {
      throw new Fault(`${letters} dead letters and ${told} expired were told, ${deadLettered} and ${expired} counted`)
    }
    if (actors !== this.tree.size) throw new Fault(`${actors} actors counted, ${this.tree.size} there`)
  }

  /** What is there is what was there, with what started and without what ended. */
  #checkEvents(before: ReadonlyMap<string, Node>, { started, terminated }: Happened): void {
    const expected = new Set([...before.keys(), ...started.map(({ uid }) => uid)])
    for (const { uid } of terminated) expected.delete(uid)
    for (const { uid, ref, cell } of this.tree.all) {
      // A start that failed is no event; what it had started already may still be stopping.
      if (!expected.delete(uid) && cell.state !== 'ending') throw new Fault(`${ref.path} appeared without an event`)
    }
    for (const uid of expected) throw new Fault(`${before.get(uid)?.ref.path ?? uid} disappeared without an event`)
  }

  #checkForecast(forecast: Forecast, { started, restarted, terminated }: Happened): void {
    same('terminated', forecast.terminated, terminated.map(({ uid }) => uid), (uid) => this.#nameOf(uid, terminated))
    same('restarted', forecast.restarted, restarted.map(({ uid }) => uid), (uid) => this.#nameOf(uid, restarted))
    same('started', forecast.started, started.map(({ path }) => path), (path) => path)
    const paths = new Set([...forecast.diary.keys(), ...this.#supervisorPages()])
    for (const path of paths) {
      const expected = (forecast.diary.get(path) ?? []).join(' ')
      const actual = (this.witness.diary.get(path) ?? []).join(' ')
      if (expected !== actual) throw new Fault(`order of the children of ${path}: expected ${expected}, was ${actual}`)
    }
    for (const remember of forecast.after) remember()
  }

  *#supervisorPages(): Iterable<string> {
    // A dynamic supervisor stops its children all at once.
    for (const { plan, ref } of this.tree.all) if (plan && plan.strategy !== 'dynamic' && this.witness.diary.has(ref.path)) yield ref.path
  }

  #nameOf(uid: string, refs: readonly AnyRef[]): string {
    return (this.tree.find({ uid })?.ref ?? refs.find((ref) => ref.uid === uid))?.path ?? uid
  }

  #checkConcerned(before: ReadonlyMap<string, Node>, { started, restarted, terminated, gaveUp }: Happened): void {
    for (const { uid, path } of [...terminated, ...restarted, ...started]) {
      const parts = path.split('/')
      const isConcerned = parts.some((_, i) => this.#concerned.has(parts.slice(0, i + 1).join('/')))
      if (isConcerned) continue
      const all = { started, restarted, terminated, gaveUp }
      const told = Object.entries(all).map(([what, refs]) => `${what}: ${refs.map((ref) => ref.path).join(', ') || 'none'}`)
      throw new Fault(`${path} (${uid}) ended or started, which nothing had to do with; ${told.join('; ')}`)
    }
    for (const { uid } of restarted) {
      const node = before.get(uid) ?? this.tree.find({ uid })
      if (node) node.restarts = []
      this.#isUnsure(node)
    }
    for (const { uid } of terminated) this.#isUnsure(before.get(uid))
  }

  /** It may have been restarted, and so may those above, since the last time that restarts were counted. */
  #isUnsure(node: Node | undefined): void {
    for (let parent = node?.parent; parent; parent = parent.parent) {
      parent.unsureUntil = this.clock.now() + (parent.plan?.periodMs ?? 5_000)
    }
  }

  #forgetEnded({ restarted, terminated }: Happened): void {
    for (const { uid } of restarted) this.links.broken(uid, false)
    for (const { uid } of terminated) this.links.broken(uid, true)
    for (const { uid } of terminated) {
      const puppet = this.witness.lives.get(uid)
      if (!puppet) continue
      this.witness.lives.delete(uid)
      if (puppet.signal?.aborted === false) this.witness.object(`the signal of ${puppet.ctx.self.path} did not abort`)
      this.ghosts.push(puppet)
      if (this.ghosts.length > 10) this.ghosts.shift()
    }
  }

  #calm(): void {
    this.unquietSteps = 0
    this.#concerned.clear()
    this.witness.failing.clear()
    this.witness.checkWatches()
  }

  /** Makes sure that what is known of the children of supervisors is true, after what could not be foreseen. */
  async #learnSpecs(): Promise<void> {
    const supervisors = this.tree.all.filter(({ plan }) => plan)
    const lists = supervisors.map(({ ref }) => this.system.whichChildren(ref as SupervisorRef))
    for (const [i, node] of supervisors.entries()) {
      node.specs = (await lists[i]!).flatMap(({ id }) => node.known.get(id) ?? [])
    }
  }

  get timers(): number {
    return kernelOf(this.system).timers.size
  }
}

const UP: readonly string[] = ['running', 'draining', 'stopping']

/** Which of its siblings are restarted with it, among others. */
const groupOf = ({ parent, cell }: Node): readonly Spec[] => {
  if (parent?.plan?.strategy === 'one-for-all') return parent.specs
  if (parent?.plan?.strategy !== 'rest-for-one') return []
  const at = parent.specs.findIndex(({ id }) => id === cell.name)
  return at < 0 ? [] : parent.specs.slice(at)
}

const same = (what: string, expected: readonly string[], actual: readonly string[], name: (item: string) => string): void => {
  const missing = expected.filter((item) => !actual.includes(item))
  const extra = actual.filter((item) => !expected.includes(item))
  if (missing.length + extra.length === 0 && expected.length === actual.length) return
  const list = (items: readonly string[]): string => items.map(name).join(', ') || 'none'
  throw new Fault(`${what}: expected ${list(expected)}; were ${list(actual)}`)
}

const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => silent }
