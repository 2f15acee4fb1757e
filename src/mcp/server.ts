/**
 * An MCP server as a source of tools. It is connected to on first use and after it was lost, and let go when
 * the last system that uses it has stopped.
 */
import { CancelledError, ProviderError, TimeoutError } from '../contracts/errors.ts'
import type { Clock, Logger } from '../contracts/ports.ts'
import type { FunctionTool } from '../contracts/tool-definition.ts'
import type { ToolSource, ToolUser } from '../contracts/tool-source.ts'
import type { Effect } from '../contracts/tools.ts'
import { connect, type Connection } from './connection.ts'
import { faultOf, type Fault } from './faults.ts'
import { toolsOf, type AskedCall, type Wishes } from './listed-tools.ts'
import { outputOf } from './result.ts'
import { titleOf, type Target } from './target.ts'
import { unlessAborted } from './waiting.ts'

/** A connection, and the tools that were listed over it last. */
interface Live {
  readonly connection: Connection
  readonly ports: Ports
  tools: Promise<readonly FunctionTool[]> | undefined
}

type Ports = { readonly clock: Clock; readonly log: Logger }

export class McpServer implements ToolSource {
  readonly title: string
  readonly effect: Effect | undefined
  readonly #target: Target
  readonly #wishes: Wishes
  readonly #holders = new Set<object>()
  /** Connections that come to their end. */
  readonly #ending = new Set<Promise<void>>()
  #live: Promise<Live> | undefined
  #aborter = new AbortController()
  /** Of who asked last. */
  #ports: Ports | undefined

  constructor(target: Target, wishes: Wishes) {
    this.#target = target
    this.#wishes = wishes
    this.title = titleOf(target)
    this.effect = wishes.effect
  }

  async tools({ holder, clock, log, signal }: ToolUser): Promise<readonly FunctionTool[]> {
    this.#holders.add(holder)
    this.#ports = { clock, log }
    return unlessAborted(this.#listed(), signal)
  }

  async release(holder: object): Promise<void> {
    this.#holders.delete(holder)
    if (this.#holders.size === 0) await this.close()
  }

  /** Used again, it connects anew. */
  async close(): Promise<void> {
    const live = this.#live
    this.#live = undefined
    this.#aborter.abort(this.#closed())
    this.#aborter = new AbortController()
    const made = await live?.catch(() => undefined)
    if (made) this.#end(made)
    await Promise.all(this.#ending)
  }

  async #listed(): Promise<readonly FunctionTool[]> {
    const live = await this.#connected()
    live.tools ??= this.#list(live)
    try {
      return await live.tools
    } catch (thrown) {
      live.tools = undefined
      const fault = faultOf(thrown, `the MCP server "${this.title}" did not list its tools`)
      if (fault.lost || thrown instanceof TimeoutError) this.#end(live)
      throw fault.error
    }
  }

  async #list({ connection, ports }: Live): Promise<readonly FunctionTool[]> {
    const { clock, log } = ports
    const listed = await connection.list(clock, this.#aborter.signal)
    if (listed.length === 0) log.warn({ server: this.title }, 'an MCP server has no tools')
    const { sdk } = connection
    return toolsOf(listed, { sdk, wishes: this.#wishes, log, call: (call) => this.#call(call) })
  }

  async #call(call: AskedCall): Promise<unknown> {
    const first = await this.#tried(call)
    if ('output' in first) return first.output
    const { error, again } = first.fault
    if (again === 'never' || (again === 'unless-once' && call.effect === 'once')) throw error
    call.step.log.info({ err: error, tool: call.name }, 'an MCP tool is called again')
    const second = await this.#tried(call)
    if ('output' in second) return second.output
    throw second.fault.error
  }

  async #tried(call: AskedCall): Promise<{ output: unknown } | { fault: Fault }> {
    const { signal } = call.step
    const live = await unlessAborted(this.#connected(), signal)
    const { connection } = live
    try {
      return { output: outputOf(call.name, await connection.call(call)) }
    } catch (thrown) {
      signal.throwIfAborted()
      const what = `"${call.name}" of the MCP server "${this.title}" failed`
      const fault = faultOf(thrown, what, connection.note)
      if (fault.lost) this.#end(live)
      return { fault }
    }
  }

  /** The connection there is, or a new one that all who ask share. */
  async #connected(): Promise<Live> {
    const before = this.#live
    if (before) {
      const made = await before
      if (made.connection.isOpen) return made
      if (this.#live === before) this.#live = undefined
    }
    const made = await (this.#live ??= this.#connect(this.#user()))
    const { connection } = made
    if (connection.isOpen) return made
    const text = `the MCP server "${this.title}" was gone as soon as it was connected to${connection.note}`
    throw new ProviderError(text, { code: 'UNAVAILABLE', retryable: true })
  }

  /** @throws CancelledError when nobody uses it: what is still at work in a dropped system starts nothing */
  #user(): Ports {
    if (this.#ports && this.#holders.size > 0) return this.#ports
    throw this.#closed()
  }

  #connect(ports: Ports): Promise<Live> {
    const forget = (): void => {
      if (this.#live === live) this.#live = undefined
    }
    const onChanged = (): void => void live.then((made) => (made.tools = undefined), forget)
    const { signal } = this.#aborter
    const live = connect(this.#target, { ...ports, signal, onChanged }, (gone) => this.#await(gone)).then(
      (connection): Live => {
        void connection.closed.then(() => this.#noteEnd(connection, live))
        return { connection, ports, tools: undefined }
      },
      (error: unknown) => {
        forget()
        throw error
      },
    )
    return live
  }

  #noteEnd({ note }: Connection, live: Promise<Live>): void {
    if (this.#live !== live) return
    const text = `an MCP server is gone${note}: it is connected to again on its next use`
    this.#ports?.log.warn({ server: this.title }, text)
  }

  #closed(): CancelledError {
    return new CancelledError(`the MCP server "${this.title}" was closed`)
  }

  #end({ connection }: Live): void {
    this.#await(connection.close())
  }

  #await(gone: Promise<void>): void {
    this.#ending.add(gone)
    void gone.then(() => this.#ending.delete(gone))
  }
}
