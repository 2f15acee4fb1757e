/**
 * `board`: shared keys with one owner, an actor of its own that any actor or machine talks to. The agent that
 * does the same within one run is `blackboard`.
 */
import type { EventObject } from 'xstate'
import type { CellScope, Incarnation } from '../src/contracts/behavior.ts'
import {
  ConfigurationError,
  InvalidMessageError,
  toTroupeError,
  type TroupeError,
} from '../src/contracts/errors.ts'
import type { Behavior } from '../src/contracts/logic.ts'
import type { ActorRef, Message } from '../src/contracts/messages.ts'
import type { BoardMessage } from './board-protocol.ts'
import { BoardValues, checkedPuts, type Keys, type Merges, type Put } from './board-values.ts'
import { BoardWatchers } from './board-watchers.ts'
import { cellLogic } from './cell-logic.ts'
import { isAsked, senderOf } from './sender.ts'

export { boardProtocol } from './board-protocol.ts'
export type { BoardEntry, BoardKeys, BoardMessage, BoardNews, BoardPut, BoardView } from './board-protocol.ts'

/**
 * Shared keys with one owner, this actor. Each key has a version, the board a revision; both only rise. Who
 * asks is told of a refused write by ConflictError, InvalidMessageError `INVALID_MESSAGE` for a key or a
 * value that is none of the board's, DefectError when a merge threw: nothing has changed then.
 * @throws ConfigurationError for a board without keys
 */
export function board<const B extends Keys>(options: {
  keys: B
  /**
   * Joins an incoming value with a current one that its writer had not seen: the put has no `expect`, or an
   * older one. For a key without a merge, a put without `expect` replaces, and one with an older `expect` is
   * a ConflictError.
   */
  merge?: Merges<B> | undefined
}): Behavior<BoardMessage<B>> {
  const { keys, merge } = options
  if (Object.keys(keys).length === 0) throw new ConfigurationError('a board needs at least one key')
  // The keys are known by type only; at run time all boards are alike.
  const start = (cell: unknown): Incarnation<EventObject> =>
    new BoardActor(cell as CellScope<EventObject>, keys, new BoardValues(keys, merge))
  return cellLogic<BoardMessage<B>>(start)
}

type Taken =
  | Message<'board.get' | 'board.watch' | 'board.unwatch', { readonly keys?: readonly string[] }>
  | Message<'board.put', Put>
  | Message<'board.batch', { readonly puts: readonly Put[] }>

class BoardActor implements Incarnation<EventObject> {
  readonly #cell: CellScope<EventObject>
  readonly #values: BoardValues
  readonly #schemas: Keys
  readonly #keys: readonly string[]
  readonly #watchers: BoardWatchers

  constructor(cell: CellScope<EventObject>, keys: Keys, values: BoardValues) {
    this.#cell = cell
    this.#values = values
    this.#schemas = keys
    this.#keys = Object.keys(keys)
    this.#watchers = new BoardWatchers(cell, values, this.#keys)
  }

  receive(event: EventObject): void {
    if (this.#watchers.took(event)) return
    const message = event as Taken
    switch (message.type) {
      case 'board.get':
        return this.#answer(() => this.#values.view(this.#known(message.payload)))
      case 'board.put':
        return this.#answer(() => this.#write([message.payload])[0])
      case 'board.batch':
        return this.#answer(() => this.#write(message.payload.puts))
      case 'board.watch':
        return this.#answer(() => this.#watchers.add(this.#sender(), this.#known(message.payload)))
      case 'board.unwatch':
        return this.#answer(() => this.#watchers.remove(this.#sender(), this.#known(message.payload)))
      default:
        this.#cell.unhandled()
    }
  }

  /** What cannot be done is told to the asker, else to the log; the board goes on. */
  #answer(act: () => unknown): void {
    try {
      const value = act()
      if (isAsked(this.#cell.envelope)) this.#cell.reply(value)
    } catch (thrown) {
      this.#refuse(toTroupeError(thrown))
    }
  }

  #refuse(error: TroupeError): void {
    const { envelope, log } = this.#cell
    if (isAsked(envelope)) return this.#cell.replyError(error)
    log.warn({ err: error, from: envelope.from, type: envelope.type }, 'a message to a board was refused')
  }

  #write(puts: readonly Put[]): readonly number[] {
    const entries = this.#values.write(checkedPuts(this.#schemas, puts, { code: 'INVALID_MESSAGE' }))
    if (entries.length > 0) this.#watchers.tell(entries)
    return entries.map(({ version }) => version)
  }

  #known({ keys = this.#keys }: { readonly keys?: readonly string[] }): readonly string[] {
    const unknown = keys.filter((key) => !this.#keys.includes(key))
    if (unknown.length === 0) return keys
    const expected = `expected some of: ${this.#keys.join(', ')}`
    throw new InvalidMessageError(`the board has no ${unknown.join(', ')}: ${expected}`, {
      code: 'INVALID_MESSAGE',
      faults: unknown.map((key) => ({ path: 'payload.keys', message: `"${key}" is no key; ${expected}` })),
    })
  }

  #sender(): ActorRef {
    const sender = senderOf(this.#cell)
    if (sender) return sender
    const text = `only an actor of this system can watch a board, not ${this.#cell.envelope.from}`
    const faults = [{ path: 'from', message: 'is no actor that could be told' }]
    throw new InvalidMessageError(text, { code: 'INVALID_MESSAGE', faults })
  }
}
