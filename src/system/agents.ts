/** Agents in a system: which cell is whose, and what outlives their incarnations. */
import { agentLogic } from '../../actors/agent-cell.ts'
import { taskLogic } from '../../actors/task.ts'
import type { AnyAgent } from '../contracts/agents.ts'
import { DefectError } from '../contracts/errors.ts'
import type { ExitReason, Logic, SpawnOptions } from '../contracts/logic.ts'
import { definition, type AgentDefinition, type DefinedAgent } from '../contracts/agent-definition.ts'
import { AgentPowers } from './agent-powers.ts'
import { freshRecord, isTripped, stateOf, type AgentRecord } from './agent-records.ts'
import type { Cell, CellOptions } from './cell.ts'
import { spawnCell } from './start-cell.ts'
import { isWork, putBack, readmit } from './intake.ts'
import { kill, terminate } from './terminate.ts'
import { Guests, type Guest } from './guests.ts'
import type { CellPowers } from './cell-powers.ts'
import type { Registers } from './registers.ts'
import { nameOf, parentOf } from './spawn.ts'
import { TaskPowers } from './task-powers.ts'
import { BROADCAST } from './topics.ts'

/** Of agents that are gone. */
const RECORDS_KEPT = 1_000
const NAMES_KEPT = 10_000
/** Why a guest has ended that may come back. */
const LEFT: ExitReason = { type: 'shutdown' }

export class Agents {
  readonly #kernel: Registers
  readonly #cells = new Map<AnyAgent, Cell>()
  /** Those that the system was given, and their parts: they keep their cells. */
  readonly #residents = new Set<AnyAgent>()
  readonly #guests = new Guests((guest) => this.#letGo(guest))
  /** What guests had that have left, for as long as somebody holds them: who gave up stays dead. */
  readonly #former = new WeakMap<AnyAgent, { readonly name: string; readonly dead: Cell | undefined }>()
  /** How many agents have had a name. */
  readonly #namesakes = new Map<string, number>()
  readonly records = new Map<string, AgentRecord>()
  #enoughRecords = RECORDS_KEPT

  constructor(kernel: Registers) {
    this.#kernel = kernel
  }

  /** Starts an agent that the system was given. */
  declare(agent: AnyAgent): void {
    this.#settle(agent)
    this.cellOf(agent)
  }

  /** The cell that works for an agent; it is started when it is needed first, and stays dead when it gave up. */
  cellOf(agent: AnyAgent): Cell {
    return this.#cells.get(agent) ?? this.#comes(agent)
  }

  #settle(agent: AnyAgent): void {
    if (this.#residents.has(agent)) return
    this.#residents.add(agent)
    for (const part of (agent as DefinedAgent)[definition].parts) this.#settle(part.agent)
  }

  #comes(agent: AnyAgent): Cell {
    const former = this.#former.get(agent)
    if (former?.dead) return former.dead
    const { root } = this.#kernel
    const name = former && !root.children?.has(former.name) ? former.name : this.#freeName(agent.name)
    const options: CellOptions = { restart: 'permanent', ownBudget: true }
    const cell = this.#start(agent, { parent: root, name, options })
    this.#cells.set(agent, cell)
    if (!this.#residents.has(agent)) this.#guests.add({ agent, cell, record: this.#lastly(this.recordOf(cell)) })
    return cell
  }

  #letGo({ agent, cell, record }: Guest): void {
    this.#cells.delete(agent)
    const dead = cell.alive ? undefined : cell
    this.#former.set(agent, { name: cell.name, dead })
    if (dead) return
    record.state = stateOf(cell)
    kill(cell, () => terminate(cell, LEFT), LEFT)
  }

  /** Where it has been needed before. */
  started(agent: AnyAgent): Cell | undefined {
    return this.#cells.get(agent)
  }

  /** Those that have been needed, and what they are made of. */
  known(): readonly AnyAgent[] {
    // A set that grows while it is walked.
    const known = new Set(this.#cells.keys())
    for (const agent of known) {
      for (const part of (agent as DefinedAgent)[definition].parts) known.add(part.agent)
    }
    return [...known]
  }

  /** An agent as an actor of its own. */
  spawn(logic: Logic, options: SpawnOptions, by: Cell): Cell {
    const { id, input: _, parent: __, link: linkTo, ...rest } = options
    const name = id === undefined ? this.#kernel.freshName() : nameOf(id)
    const link = linkTo && this.#kernel.cellOf(linkTo)
    const parent = parentOf(this.#kernel, options, by)
    return this.#start(logic as AnyAgent, { parent, name, link, options: { restart: 'temporary', ...rest } })
  }

  /** Requests from outside that still wait are refused; those of work in flight belong to it. */
  refuseWaiting(): void {
    for (const cell of this.#cells.values()) {
      const waiting = cell.mailbox.drain(false)
      const refused = waiting.filter((mail) => isWork(cell, mail) && mail.sender === undefined)
      putBack(
        cell,
        waiting.filter((mail) => !refused.includes(mail)),
      )
      for (const mail of refused) this.#kernel.deadLetter(mail, cell, 'stopped')
    }
  }

  powersFor(cell: Cell): CellPowers | undefined {
    if (cell.logic === (taskLogic as unknown)) return new TaskPowers(cell, this.#kernel, cell.parent!.powers as AgentPowers)
    if (cell.logic === (agentLogic as unknown)) return new AgentPowers(cell, this.#kernel, this.recordOf(cell))
    return undefined
  }

  recordOf(cell: Cell): AgentRecord {
    const { path } = cell.ref
    const known = this.records.get(path)
    if (known) return known
    const record = freshRecord((cell.input as AgentDefinition).name, path)
    this.records.set(path, record)
    if (this.records.size > this.#enoughRecords) this.#forgetRecords()
    return record
  }

  /** Others are forgotten before it. */
  #lastly(record: AgentRecord): AgentRecord {
    this.records.delete(record.path)
    this.records.set(record.path, record)
    return record
  }

  // Now and then, so that it costs each of them little.
  #forgetRecords(): void {
    const gone = [...this.records.values()].filter(({ path }) => this.#kernel.at(path) === undefined)
    // First those without a circuit to remember.
    const [tripped, others] = [gone.filter(isTripped), gone.filter((record) => !isTripped(record))]
    for (const { path } of [...others, ...tripped].slice(0, -RECORDS_KEPT)) this.records.delete(path)
    this.#enoughRecords = this.records.size + RECORDS_KEPT
  }

  /** A task that ended without having settled is answered for, and its agent is told. */
  taskIsGone(cell: Cell): void {
    const { powers } = cell
    if (!(powers instanceof TaskPowers) || powers.settled) return
    if (this.#admittedAgain(cell, powers)) return
    powers.lost(new DefectError(`"${cell.ref.path}" ended before its task did`, undefined, 'ACTOR_CRASHED'))
    if (cell.parent?.receiving) this.#kernel.tellBare(cell.parent, { type: 'task.lost', input: cell.input })
  }

  /** When its agent restarts, a task that was in flight is taken up once more, from its request. */
  #admittedAgain(cell: Cell, powers: TaskPowers): boolean {
    const agent = cell.parent!
    const mail = cell.origin!
    const restarts = agent.options.restart === 'permanent' || agent.options.restart === 'transient'
    const isDown = agent.state === 'ending' || agent.state === 'suspended'
    if (!restarts || !isDown || agent.more?.stop || mail.readmitted || mail.asker?.settled) return false
    powers.giveUp('its agent restarts')
    readmit(agent, mail)
    return true
  }

  #start(agent: AnyAgent, { parent, name, link, options }: Place): Cell {
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
    if (this.#namesakes.size > NAMES_KEPT) this.#namesakes.clear()
    const taken = this.#kernel.root.children
    for (;;) {
      const n = (this.#namesakes.get(base) ?? 0) + 1
      this.#namesakes.set(base, n)
      const candidate = n === 1 ? base : `${base}~${n}`
      if (!taken?.has(candidate)) return candidate
    }
  }
}

/** Where an agent's cell is to be. */
interface Place {
  readonly parent: Cell
  readonly name: string
  readonly link?: Cell | undefined
  readonly options: CellOptions
}
