/** The start of actors, and of each further incarnation. */
import type { AnyActorLogic } from 'xstate'
import { incarnate, type CellScope } from '../contracts/behavior.ts'
import { ConflictError, DefectError, toTroupeError } from '../contracts/errors.ts'
import { isCellLogic } from '../logic/cell-life.ts'
import type { Life } from '../logic/life.ts'
import { runLogic } from '../logic/run-logic.ts'
import { Cell, type CellOptions } from './cell.ts'
import type { More } from './more.ts'
import { kill, terminate } from './terminate.ts'
import { Family } from './family.ts'
import { CellHost } from './host.ts'
import { link } from './links.ts'
import type { Mail } from './mail.ts'
import { endItself, goOnDraining, leave } from './stopping.ts'

/** What a spawn asks for. */
export interface SpawnOrder {
  readonly logic: AnyActorLogic
  readonly name: string
  readonly input: unknown
  readonly options: CellOptions
  readonly link?: Cell | undefined
  /** The request that it works at. */
  readonly origin?: Mail | undefined
}

/**
 * A new actor under `parent`; its logic starts at once.
 * @throws ConflictError `NAME_TAKEN`
 * @throws DefectError `START_FAILED`
 */
export const spawnCell = (parent: Cell, order: SpawnOrder): Cell => {
  const { kernel } = parent
  const { state } = parent
  if (state === 'ending' || state === 'stopping' || state === 'terminated') {
    throw new DefectError(`"${parent.ref.path}" is stopping and starts no more actors`, undefined, 'START_FAILED')
  }
  // A task's name holds the id of its request, which no other has.
  if (order.origin === undefined && parent.children?.has(order.name)) {
    throw new ConflictError(pathBelow(parent, order.name), 'a free name', 'an actor', 'NAME_TAKEN')
  }
  const cell = new Cell(kernel, parent, order.name, order)
  ;(parent.children ??= new Family()).add(cell, order.origin === undefined)
  kernel.actors += 1
  if (order.origin) {
    cell.origin = order.origin
    if (order.origin.asker) order.origin.asker.target = cell
  }
  if (order.link) link(order.link, cell)
  try {
    beginLife(cell)
  } catch (thrown) {
    const error = startFailed(cell, thrown)
    // What it had started already is stopped, and may take its time; its name is free for another try.
    parent.children.unname(cell)
    cell.rest.intercept = (reason) => terminate(cell, reason)
    endItself(cell, { type: 'error', error })
    throw error
  }
  if (kernel.events.active && cell.alive) {
    kernel.events.emit({ type: 'actor.started', at: kernel.now(), ref: cell.ref, generation: 0 })
  }
  return cell
}

/**
 * Another incarnation of a suspended cell, under the same ref and with the same mailbox.
 * @throws DefectError `START_FAILED`; the cell stays suspended
 */
export const restart = (cell: Cell): void => {
  const { kernel } = cell
  cell.generation += 1
  try {
    beginLife(cell)
  } catch (thrown) {
    const error = startFailed(cell, thrown)
    kill(cell, () => {}, { type: 'error', error })
    cell.state = 'suspended'
    kernel.events.emit({ type: 'actor.start-failed', at: kernel.now(), ref: cell.ref, error })
    throw error
  }
  kernel.events.emit({ type: 'actor.restarted', at: kernel.now(), ref: cell.ref, generation: cell.generation })
  kernel.scheduler.ready(cell)
}

const startFailed = (cell: Cell, thrown: unknown): DefectError => {
  const why = toTroupeError(thrown)
  return new DefectError(`"${cell.ref.path}" did not start: ${why.message}`, thrown, 'START_FAILED')
}

const beginLife = (cell: Cell): void => {
  cell.state = 'starting'
  cell.gateOpen = true
  const powers = cell.kernel.powersFor(cell)
  cell.powers = powers
  if (cell.more) forgetLast(cell, cell.more)
  const { logic, input } = cell
  const life: Life = isCellLogic(logic)
    ? logic[incarnate](powers as unknown as CellScope, input as undefined)
    : runLogic(logic, new CellHost(cell, powers), input)
  // It was killed while it started.
  if (powers.over) return life.discard?.()
  cell.life = life
  if (cell.state === 'starting') cell.state = 'running'
  if (cell.more?.draining) goOnDraining(cell)
  cell.more?.live?.changed()
  if (cell.exit) leave(cell)
}

/** What the last incarnation left behind. */
const forgetLast = ({ options }: Cell, more: More<Cell>): void => {
  more.stashedSinceCrash = 0
  more.hooks = undefined
  more.stop = undefined
  // Restarts of its children; its own, where it has a budget of its own, go on counting.
  if (!options.ownBudget) more.restarts = undefined
}

const pathBelow = (parent: Cell, name: string): string => `${parent.parent ? parent.path : ''}/${name}`
