/**
 * Agents in a system: which cell is whose, what outlives their incarnations, and the kernel's half of what agents and
 * tasks are given.
 */
import type { EventObject } from 'xstate'
import { agentLogic } from '../../actors/agent.ts'
import { taskLogic } from '../../actors/task.ts'
import type { AnyAgent } from '../contracts/agents.ts'
import { DefectError } from '../contracts/errors.ts'
import type { Logic, SpawnOptions } from '../contracts/logic.ts'
import { definition, type AgentDefinition, type CircuitRecord, type DefinedAgent, type MetricsRecord, type TaskInput } from '../contracts/tasks.ts'
import { AgentPowers } from './agent-powers.ts'
import type { Cell, CellOptions } from './cell.ts'
import type { Kernel } from './kernel.ts'
import { spawnCell } from './lifecycle.ts'
import type { Mail } from './mail.ts'
import type { Scope } from './scope.ts'
import { nameOf, parentOf } from './spawn.ts'
import { TaskPowers } from './task-powers.ts'
import { BROADCAST } from './topics.ts'

/** What is known of an agent, whatever happens to its cell. */
export interface AgentRecord {
  readonly name: string
  readonly path: string
  readonly circuit: CircuitRecord
  readonly metrics: MetricsRecord
}

export class Agents {
  readonly #kernel: Kernel
  readonly #cells = new Map<AnyAgent, Cell>()
  readonly records = new Map<string, AgentRecord>()

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  /** The cell that works for an agent; it is started when it is needed first, and stays dead when it gave up. */
  cellOf(agent: AnyAgent): Cell {
    const known = this.#cells.get(agent)
    if (known) return known
    const cell = this.#start(agent, this.#kernel.root, this.#freeName(agent.name), {
      restart: 'permanent',
      ownBudget: true,
    })
    this.#cells.set(agent, cell)
    return cell
  }

  /** The cell that works for an agent, where there is one. */
  known(agent: AnyAgent): Cell | undefined {
    return this.#cells.get(agent)
  }

  /** An agent as an actor of its own. */
  spawn(logic: Logic, options: SpawnOptions, by: Cell): Cell {
    const { id, input: _, parent: __, link: linkTo, ...rest } = options
    const name = id === undefined ? this.#kernel.freshName() : nameOf(id)
    const link = linkTo && this.#kernel.cellOf(linkTo)
    return this.#start(logic as AnyAgent, parentOf(this.#kernel, options, by), name, { restart: 'temporary', ...rest }, link)
  }

  scopeFor(cell: Cell): Scope | undefined {
    if (cell.logic === (taskLogic as unknown)) return new TaskPowers(cell)
    if (cell.logic === (agentLogic as unknown)) return new AgentPowers(cell)
    return undefined
  }

  recordOf(cell: Cell): AgentRecord {
    const { path } = cell.ref
    let record = this.records.get(path)
    if (!record) {
      const { name } = cell.input as AgentDefinition
      record = { name, path, circuit: freshCircuit(), metrics: freshMetrics() }
      this.records.set(path, record)
    }
    return record
  }

  /** Nobody waits for an answer any more: what waits expires in its mailbox, what runs is cancelled. */
  cancelled(target: Cell, mail: Mail, reason: string): void {
    if (target.origin === mail) this.tell(target, { type: 'task.cancel', reason })
  }

  /** Past the gate and the bound, without an envelope. */
  tell(cell: Cell, event: EventObject & Readonly<Record<string, unknown>>, from?: Cell): void {
    const mail = this.#kernel.mail(event, from)
    mail.exempt = true
    mail.bare = true
    this.#kernel.post(cell, mail)
  }

  /** A task that ended without having settled is answered for, and its agent is told. */
  taskIsGone(cell: Cell): void {
    const powers = cell.scope
    if (!(powers instanceof TaskPowers) || powers.settled) return
    const error = new DefectError(`"${cell.ref.path}" ended before its task did`, undefined, 'ACTOR_CRASHED')
    powers.lost(error)
    if (cell.parent?.receiving) this.tell(cell.parent, { type: 'task.lost', input: cell.input as TaskInput } as never)
  }

  #start(agent: AnyAgent, parent: Cell, name: string, options: CellOptions, link?: Cell): Cell {
    const defined = (agent as DefinedAgent)[definition]
    const cell = spawnCell(parent, {
      logic: agentLogic as never,
      name,
      input: defined,
      options: { mailbox: defined.mailbox, ...options, envelopes: true },
      link,
    })
    this.#kernel.topics.subscribe(BROADCAST, { cell })
    return cell
  }

  #freeName(name: string): string {
    const base = encodeURIComponent(name)
    const taken = this.#kernel.root.children
    for (let n = 1; ; n += 1) {
      const candidate = n === 1 ? base : `${base}~${n}`
      if (!taken?.has(candidate)) return candidate
    }
  }
}

const freshCircuit = (): CircuitRecord => ({
  state: 'closed',
  epoch: 0,
  failures: 0,
  trips: 0,
  openUntil: undefined,
  mode: 'normal',
  results: [],
})

const freshMetrics = (): MetricsRecord => ({
  completed: 0,
  failed: 0,
  retried: 0,
  totalMs: 0,
  durationsMs: [],
  messagesIn: 0,
  messagesOut: 0,
})
