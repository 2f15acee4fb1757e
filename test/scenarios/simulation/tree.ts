/** Who is whose parent, as the kernel has it after each step, with what a simulation has to remember of each actor. */
import type { AnyRef, Restart, System } from 'troupe'
import type { Cell } from '../../../src/system/cell.ts'
import { kernelOf } from '../../../src/system/start-system.ts'
import type { Traits } from './puppet.ts'

/** How a supervisor of a simulation was made; found by its logic. */
export interface Plan {
  readonly strategy: 'one-for-one' | 'one-for-all' | 'rest-for-one' | 'dynamic'
  readonly intensity: number
  readonly periodMs: number
  readonly backs: boolean
  /** Of the children of a dynamic one. */
  readonly template: Restart
  readonly children: readonly Spec[]
}

/** A child that a supervisor starts. */
export interface Spec {
  readonly id: string
  readonly restart: Restart
  /** Of a supervisor. */
  readonly plan: Plan | undefined
}

/** One actor. */
export interface Node {
  readonly cell: Cell
  readonly ref: AnyRef
  readonly uid: string
  readonly parent: Node | undefined
  /** In the order in which they were started. */
  children: Node[]
  /** Of a supervisor. */
  readonly plan: Plan | undefined
  /** Of a supervisor: its children and those that it could start again, in order. */
  specs: Spec[]
  /** All that were ever among them, by id. */
  readonly known: Map<string, Spec>
  /** The restarts of children that it has counted. */
  restarts: number[]
  /** Until then it may have counted more than is known. */
  unsureUntil: number
}

export class Tree {
  readonly root: Node
  readonly #plans: WeakMap<object, Plan>
  #known = new Map<string, Node>()
  #all: readonly Node[] = []

  constructor(system: System, plans: WeakMap<object, Plan>) {
    this.#plans = plans
    this.root = nodeOf(kernelOf(system).root, undefined, undefined)
    this.look()
  }

  get size(): number {
    return this.#known.size
  }

  find({ uid }: Pick<AnyRef, 'uid'>): Node | undefined {
    return this.#known.get(uid)
  }

  /** All but the root. */
  get all(): readonly Node[] {
    return this.#all
  }

  /** Looks at the kernel again. @returns what it knew before, by uid */
  look(): ReadonlyMap<string, Node> {
    const before = this.#known
    this.#known = new Map()
    this.#visit(this.root, before)
    this.#all = [...this.#known.values()]
    return before
  }

  /** Whether nothing is on its way up or down now. */
  isQuiet(below: Cell = this.root.cell): boolean {
    for (const cell of below.children ?? []) {
      if (cell.state !== 'running' || (cell.signals !== undefined && cell.signals.length > 0)) return false
      if (this.#plans.has(cell.logic) && cell.powers?.interpreter?.value !== 'running') return false
      if (!this.isQuiet(cell)) return false
    }
    return true
  }

  #visit(node: Node, before: Map<string, Node>): void {
    node.children = []
    for (const cell of node.cell.children ?? []) {
      const child = before.get(cell.ref.uid) ?? nodeOf(cell, node, this.#plans.get(cell.logic))
      this.#known.set(child.uid, child)
      node.children.push(child)
      this.#visit(child, before)
    }
  }
}

const nodeOf = (cell: Cell, parent: Node | undefined, plan: Plan | undefined): Node => ({
  cell,
  ref: cell.ref,
  uid: cell.ref.uid,
  parent,
  children: [],
  plan,
  specs: plan ? [...plan.children] : [],
  known: new Map(plan?.children.map((spec) => [spec.id, spec])),
  restarts: [],
  unsureUntil: -1,
})

export const restartOf = ({ cell }: Node): Restart => cell.options.restart ?? 'temporary'

/** A puppet, as it was set up; `undefined` of a supervisor. */
export const traitsOf = ({ cell, plan, parent }: Node): Traits | undefined =>
  plan || !parent ? undefined : (cell.input as Traits)

/** In the order in which they are stopped: a supervisor knows those that it has a spec of, the others go after them. */
export const lastFirst = ({ children, specs }: Node): Node[] => {
  const place = ({ cell }: Node): number => specs.findIndex(({ id }) => id === cell.name)
  const rest = children.filter((child) => place(child) < 0).toReversed()
  return [...children.filter((child) => place(child) >= 0).toSorted((a, b) => place(b) - place(a)), ...rest]
}

/** The node and all below it. */
export const subtree = (node: Node): Node[] => [node, ...node.children.flatMap(subtree)]
