/** One connection to an MCP server, from its handshake to its end. Never mended: another one is made. */
import type { CallToolResult, Client, Tool as Listed } from '@modelcontextprotocol/client'
import { ProviderError, TroupeError } from '../contracts/errors.ts'
import type { Clock, Logger } from '../contracts/ports.ts'
import { faultOf, startFault } from './faults.ts'
import type { AskedCall } from './listed-tools.ts'
import { loadClient, type Sdk } from './load-client.ts'
import { titleOf, type Target } from './target.ts'
import { unlessAborted, within } from './waiting.ts'
import { KEY, wireTo, type Wire } from './wire.ts'

/** How long a server may take for the handshake, and to list its tools: it may have to be fetched first. */
const LIMIT_MS = 30_000

/** Time is ours to keep: the client's own limits never come before. */
const NEVER_MS = 2 ** 31 - 1

/** What a connection is made with. */
export interface Connecting {
  readonly clock: Clock
  readonly log: Logger
  /** Gives it up. */
  readonly signal: AbortSignal
  /** Its list of tools is another one. */
  readonly onChanged: () => void
}

interface Made {
  readonly client: Client
  readonly wire: Wire
  readonly title: string
  /** By the key of the call. */
  readonly cuts: Map<string, () => void>
  readonly closed: Promise<void>
}

/** A connection that is made. */
export class Connection {
  readonly sdk: Sdk
  readonly title: string
  isOpen = true
  /** Resolves when it is over, whoever ended it. */
  readonly closed: Promise<void>
  readonly #client: Client
  readonly #wire: Wire
  readonly #cuts: Map<string, () => void>

  constructor(sdk: Sdk, { client, wire, title, cuts, closed }: Made) {
    this.sdk = sdk
    this.title = title
    this.closed = closed
    this.#client = client
    this.#wire = wire
    this.#cuts = cuts
    void closed.then(() => (this.isOpen = false))
  }

  /** What is known of its end, in parentheses. */
  get note(): string {
    return noted(this.#wire)
  }

  /** @throws TimeoutError rejects with it, or with whatever the client throws */
  async list(clock: Clock, signal: AbortSignal): Promise<readonly Listed[]> {
    // The client would say so on the console.
    if (!this.#client.getServerCapabilities()?.tools) return []
    const what = (): string => `the list of tools of the MCP server "${this.title}"`
    const { tools } = await within({ clock, limitMs: LIMIT_MS, signal, what }, (until) =>
      this.#client.listTools(undefined, { signal: until, timeout: NEVER_MS, cacheMode: 'refresh' }),
    )
    return tools
  }

  /** @throws whatever the client throws rejects */
  async call({ name, input, step }: AskedCall): Promise<CallToolResult> {
    const cut = new AbortController()
    const signal = AbortSignal.any([step.signal, cut.signal])
    this.#cuts.set(step.key, () => cut.abort())
    try {
      const params = { name, arguments: { ...input }, _meta: { [KEY]: step.key } }
      return await this.#client.callTool(params, { signal, timeout: NEVER_MS })
    } catch (thrown) {
      throw cut.signal.aborted ? answerCut() : thrown
    } finally {
      this.#cuts.delete(step.key)
    }
  }

  /** Never rejects. A server that is ours has ended then. */
  async close(): Promise<void> {
    const wasOpen = this.isOpen
    this.isOpen = false
    if (wasOpen) await this.#wire.leave()
    await ended(this.#client, this.#wire)
  }
}

const answerCut = (): Error => new Error('the stream of its answer ended before the answer')

/**
 * Connects. What was started for nothing is ended; `ending` is told of it.
 * @throws NotProvidedError, TimeoutError, ProviderError or CancelledError rejects with it
 */
export const connect = async (
  target: Target,
  connecting: Connecting,
  ending: (gone: Promise<void>) => void,
): Promise<Connection> => {
  const sdk = await unlessAborted(loadClient(), connecting.signal)
  try {
    return await attempt(sdk, { target, connecting, ending, mode: 'legacy' })
  } catch (thrown) {
    // The newest protocol begins in another way: a server that knows nothing else refuses ours.
    if (!(thrown instanceof ProviderError) || thrown.code !== 'BAD_REQUEST') throw thrown
    return attempt(sdk, { target, connecting, ending, mode: 'auto' })
  }
}

interface Attempt {
  readonly target: Target
  readonly connecting: Connecting
  readonly ending: (gone: Promise<void>) => void
  readonly mode: 'legacy' | 'auto'
}

const attempt = async (sdk: Sdk, { target, connecting, ending, mode }: Attempt): Promise<Connection> => {
  const { clock, log, signal, onChanged } = connecting
  const title = titleOf(target)
  const cuts = new Map<string, () => void>()
  const wire = wireTo(sdk, target, { log, onCut: (key) => cuts.get(key)?.() })
  const tools = { autoRefresh: false, debounceMs: 0, onChanged }
  const client = new sdk.Client(
    { name: 'troupe', version: '1' },
    { versionNegotiation: { mode }, listChanged: { tools } },
  )
  const { promise: closed, resolve: onclose } = Promise.withResolvers<void>()
  const onerror = (err: Error): void => log.debug({ err, server: title }, 'an MCP connection has trouble')
  Object.assign(client, { onclose, onerror })
  const what = (): string => `the handshake of the MCP server "${title}"${noted(wire)}`
  try {
    await within({ clock, limitMs: LIMIT_MS, signal, what }, (until) =>
      client.connect(wire.transport, { signal: until, timeout: NEVER_MS }),
    )
    return new Connection(sdk, { client, wire, title, cuts, closed })
  } catch (thrown) {
    ending(ended(client, wire))
    throw thrown instanceof TroupeError ? thrown : failed(target, noted(wire), thrown)
  }
}

const ended = async (client: Client, wire: Wire): Promise<void> => {
  await client.close().catch(() => {})
  await wire.gone
}

const noted = (wire: Wire): string => {
  const said = wire.said()
  return said === '' ? '' : ` (${said})`
}

const failed = (target: Target, note: string, thrown: unknown): TroupeError => {
  const missing = 'command' in target && startFault(thrown, target.command)
  return missing || faultOf(thrown, `no connection to the MCP server "${titleOf(target)}"`, note).error
}
