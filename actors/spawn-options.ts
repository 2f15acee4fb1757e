/** The options of actors that are refused when they are spawned. Many are: words are made only for what is wrong. */
import type { Mailbox } from '../src/contracts/agents.ts'
import type { Restart, SpawnOptions } from '../src/contracts/logic.ts'
import { demandNumber, demandOneOf } from './demand.ts'

const OVERFLOWS: readonly string[] = [
  'reject',
  'drop-oldest',
  'drop-new',
  'backpressure',
  'unbounded',
] satisfies Mailbox['overflow'][]
const COUNTS = ['capacity', 'stash', 'restartStash', 'redeliver'] as const
const RESTARTS: readonly string[] = ['permanent', 'transient', 'temporary'] satisfies Restart[]

/** In place of an id, which is never empty. */
export const TEMPLATE = ''

/**
 * @param id `undefined`: it was given none
 * @throws ConfigurationError for a way to restart, to stop or to keep mail that there is not
 */
export const checkSpawn = (
  id: string | undefined,
  { restart, shutdownMs, mailbox }: Pick<SpawnOptions, 'restart' | 'shutdownMs' | 'mailbox'>,
): void => {
  if (restart !== undefined && !RESTARTS.includes(restart)) demandOneOf(`restart of ${named(id)}`, restart, RESTARTS)
  if (mailbox !== undefined) checkMailbox(id, mailbox)
  if (shutdownMs === undefined || shutdownMs === 'infinity' || shutdownMs === 'brutal-kill' || shutdownMs >= 0) return
  demandNumber(`shutdownMs of ${named(id)}`, shutdownMs, false, "0 or more, 'infinity' or 'brutal-kill'")
}

/**
 * @param id of the actor or agent that it belongs to
 * @throws ConfigurationError
 */
export const checkMailbox = (id: string | undefined, mailbox: Mailbox): void => {
  const { overflow } = mailbox
  if (overflow !== undefined && !OVERFLOWS.includes(overflow)) {
    demandOneOf(`mailbox.overflow of ${named(id)}`, overflow, OVERFLOWS)
  }
  for (const name of COUNTS) {
    const count = mailbox[name]
    if (count !== undefined && !(count >= 0)) {
      demandNumber(`mailbox.${name} of ${named(id)}`, count, false, 'a number from 0')
    }
  }
}

const named = (id: string | undefined): string => {
  if (id === TEMPLATE) return 'the child of a dynamic supervisor'
  return id === undefined ? 'an actor' : `"${id}"`
}
