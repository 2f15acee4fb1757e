/**
 * What the tree says will happen: who ends, who is restarted, who starts, and in which order. Written down from the rules
 * of supervision, not from the kernel. It speaks of single causes in a quiet system; where it cannot know, it says so.
 */
import { lastFirst, restartOf, traitsOf, type Node, type Spec, type Tree } from './tree.ts'

/** It depends on what a forecast does not know: then only who may be concerned can be said. */
export class Unsure extends Error {}

/** The limit of parents that are no supervisors. */
const PLAIN = { intensity: 3, periodMs: 5_000 }

/** What else a forecast has to know of an incarnation. */
export interface Known {
  /** Whether somebody is linked to it. */
  isLinked(uid: string): boolean
  /** Whether it has work in hand that a stop waits for. */
  isBusy(uid: string): boolean
}

export class Forecast {
  readonly terminated: string[] = []
  readonly restarted: string[] = []
  /** By path. */
  readonly started: string[] = []
  /** What the hooks and starts of the children of a supervisor write, by its path. */
  readonly diary = new Map<string, string[]>()
  /** What is to be remembered, once it has come true. */
  readonly after: (() => void)[] = []
  readonly #now: number
  readonly #root: Node
  readonly #known: Known

  constructor({ root }: Tree, now: number, known: Known) {
    this.#root = root
    this.#now = now
    this.#known = known
  }

  /** It crashes or leaves by itself. @param hooks whether its own hook runs; @param waits for the work in hand */
  ends(node: Node, { abnormal, hooks, waits = false }: { abnormal: boolean; hooks: boolean; waits?: boolean }): void {
    if (waits && this.#known.isBusy(node.uid)) throw new Unsure()
    if (abnormal) this.#hurtsNobody(node)
    this.#below(node, hooks)
    if (hooks) this.#runHook(node)
    this.#judge(node, abnormal)
  }

  /** Somebody stops it from outside. @param timeoutMs instead of its own */
  stops(node: Node, timeoutMs?: number): void {
    this.#goesDown(node, true, timeoutMs === undefined ? undefined : true)
    this.#isGone(node)
    const { parent } = node
    if (parent?.plan) this.#drop(parent, node.cell.name, keepsSpec(parent, node))
  }

  starts(parent: Node, spec: Spec): void {
    this.#starts(parent.ref.path, spec, parent.plan !== undefined && parent.plan.strategy !== 'dynamic')
  }

  #judge(node: Node, abnormal: boolean): void {
    const parent = node.parent!
    const spec = parent.specs.find(({ id }) => id === node.cell.name)
    if (!parent.plan) return this.#judgePlain(parent, node, abnormal)
    if (!spec) return this.#isGone(node)
    if (parent.plan.backs) throw new Unsure()
    if (!isRestarted(node, abnormal)) {
      this.#isGone(node)
      return this.#drop(parent, node.cell.name, keepsSpec(parent, node))
    }
    if (this.#isTooMuch(parent, parent.plan)) return this.#givesUp(parent, node)
    this.#restartsGroup(parent, node)
  }

  #judgePlain(parent: Node, node: Node, abnormal: boolean): void {
    if (!isRestarted(node, abnormal)) return this.#isGone(node)
    const isTooMuch = parent !== this.#root && this.#isTooMuch(parent, PLAIN)
    if (!isTooMuch) return this.#restarts(node)
    this.#isGone(node)
    this.#givesUp(parent, node)
  }

  /** All its other children go, last first, then it leaves as after a shutdown. */
  #givesUp(node: Node, failed: Node): void {
    for (const child of lastFirst(node)) {
      if (child !== failed) this.#falls(child, true)
      else if (!this.terminated.includes(child.uid)) this.#isGone(child)
    }
    if (!node.plan) this.#runHook(node)
    this.#judge(node, false)
  }

  #restartsGroup(parent: Node, failed: Node): void {
    const { strategy } = parent.plan!
    if (strategy === 'one-for-one' || strategy === 'dynamic') return this.#restarts(failed)
    const all = parent.specs
    const group = strategy === 'one-for-all' ? all : all.slice(all.findIndex(({ id }) => id === failed.cell.name))
    for (const spec of group.toReversed()) {
      const child = childOf(parent, spec)
      if (!child || child === failed) continue
      if (restartOf(child) === 'temporary') {
        this.#falls(child, true)
        this.#drop(parent, spec.id, false)
      } else this.#goesDown(child, true)
    }
    for (const spec of group) {
      const child = childOf(parent, spec)
      if (!child) this.#starts(parent.ref.path, spec, true)
      else if (restartOf(child) !== 'temporary') this.#restarts(child)
    }
  }

  #isTooMuch(parent: Node, { intensity, periodMs }: { intensity: number; periodMs: number }): boolean {
    if (parent.unsureUntil >= this.#now) throw new Unsure()
    const restarts = [...parent.restarts.filter((at) => this.#now - at <= periodMs), this.#now]
    this.after.push(() => (parent.restarts = restarts))
    return restarts.length > intensity
  }

  #restarts(node: Node): void {
    this.restarted.push(node.uid)
    this.#write(node.parent!, node.cell.name, '+', !node.plan)
    // A new incarnation counts anew, and knows only the children that it starts with.
    this.after.push(() => (node.restarts = []))
    if (!node.plan) return
    const specs = [...node.plan.children]
    this.after.push(() => (node.specs = specs))
    for (const spec of specs) this.#starts(node.ref.path, spec, true)
  }

  #starts(parent: string, spec: Spec, isOrdered: boolean): void {
    const path = parent === '/' ? `/${spec.id}` : `${parent}/${spec.id}`
    for (const child of spec.plan?.children ?? []) this.#starts(path, child, true)
    this.started.push(path)
    if (isOrdered && !spec.plan) this.#page(parent).push(`+${spec.id}`)
  }

  /** It ends for good, and all below it before. @param hooks false for what is killed */
  #falls(node: Node, hooks: boolean): void {
    this.#goesDown(node, hooks)
    this.#isGone(node)
  }

  #goesDown(node: Node, asked: boolean, hasTime = node.cell.options.shutdownMs !== 'brutal-kill'): void {
    const hooks = asked && hasTime
    if (hooks && this.#known.isBusy(node.uid)) throw new Unsure()
    if (!hooks) this.#hurtsNobody(node)
    this.#below(node, hooks)
    if (hooks) this.#runHook(node)
  }

  #below(node: Node, hooks: boolean): void {
    for (const child of lastFirst(node)) this.#falls(child, hooks)
  }

  #runHook(node: Node): void {
    const hook = traitsOf(node)?.hook ?? 'none'
    if (typeof hook === 'number' || hook === 'never') throw new Unsure()
    if (hook !== 'none') this.#write(node.parent!, node.cell.name, '-', true)
  }

  #isGone(node: Node): void {
    this.terminated.push(node.uid)
  }

  /** Who ends abnormally takes those along who are linked: in which order depends on who is ready first. */
  #hurtsNobody({ uid }: Node): void {
    if (this.#known.isLinked(uid)) throw new Unsure()
  }

  #drop(parent: Node, id: string, keepsIts: boolean): void {
    if (!keepsIts) this.after.push(() => (parent.specs = parent.specs.filter((spec) => spec.id !== id)))
  }

  #write(parent: Node, name: string, sign: '+' | '-', isPuppet: boolean): void {
    if (parent.plan && parent.plan.strategy !== 'dynamic' && isPuppet) this.#page(parent.ref.path).push(sign + name)
  }

  #page(path: string): string[] {
    let page = this.diary.get(path)
    if (!page) this.diary.set(path, (page = []))
    return page
  }
}

const isRestarted = (node: Node, abnormal: boolean): boolean =>
  restartOf(node) === 'permanent' || (restartOf(node) === 'transient' && abnormal)

/** What a supervisor knows of a child that has ended. */
const keepsSpec = (parent: Node, child: Node): boolean =>
  parent.plan?.strategy !== 'dynamic' && restartOf(child) !== 'temporary'

const childOf = (parent: Node, { id }: Spec): Node | undefined => parent.children.find(({ cell }) => cell.name === id)
