/** Starts actors for users and for actors: names, defaults, and what kind of logic it is. */
import type { AnyActorLogic } from 'xstate'
import { checkSpawn } from '../../actors/spawn-options.ts'
import { ConfigurationError, DeliveryError, NotProvidedError } from '../contracts/errors.ts'
import type { Logic, SpawnOptions } from '../contracts/logic.ts'
import { definition } from '../contracts/agent-definition.ts'
import type { Cell, CellOptions, Core } from './cell.ts'
import { spawnCell } from './start-cell.ts'

const DEFAULTS: CellOptions = { restart: 'temporary' }

/**
 * @throws DefectError `START_FAILED`
 * @throws ConflictError `NAME_TAKEN`
 */
export const spawn = (kernel: Core, logic: Logic, options: SpawnOptions, by: Cell): Cell => {
  if (definition in logic) return kernel.spawnAgent(logic, options, parentOf(kernel, options, by))
  if (options.persist) {
    throw new NotProvidedError('`persist` needs a durable store, and this version keeps everything in memory')
  }
  const { id, input, link: linkTo } = options
  return spawnCell(parentOf(kernel, options, by), {
    logic: logic as AnyActorLogic,
    name: id === undefined ? kernel.freshName() : nameOf(id),
    input,
    options: cellOptions(options),
    link: linkTo && kernel.cellOf(linkTo),
  })
}

/** The cell that the options name, else the one that spawns. */
export const parentOf = (kernel: Core, { parent }: SpawnOptions, by: Cell): Cell => {
  if (parent === undefined) return by
  const cell = kernel.cellOf(parent)
  if (cell?.alive) return cell
  throw new DeliveryError('NO_SUCH_ACTOR', `${parent.address} has ended and can have no children`)
}

/** @throws ConfigurationError for what cannot be a segment of a path */
export const nameOf = (id: string): string => {
  if (id !== '' && !id.includes('/') && !id.startsWith('$')) return id
  throw new ConfigurationError(`"${id}" cannot be a segment of a path: it is empty, has a "/", or starts with "$"`)
}

/** What the cell keeps of them; one object for all that ask for nothing. */
const cellOptions = (options: SpawnOptions): CellOptions => {
  const { restart = 'temporary', mailbox, protocol, trapExit, stopChildren, shutdownMs } = options
  const given = mailbox ?? protocol ?? trapExit ?? stopChildren ?? shutdownMs
  if (given === undefined && restart === 'temporary') return DEFAULTS
  checkSpawn(options.id, options)
  return { restart, mailbox, protocol, trapExit, stopChildren, shutdownMs }
}
