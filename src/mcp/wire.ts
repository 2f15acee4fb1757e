/** How messages get to an MCP server and back: a child process, or HTTP. */
import type { ChildProcess } from 'node:child_process'
import { channel } from 'node:diagnostics_channel'
import type { Transport } from '@modelcontextprotocol/client'
import type { Logger } from '../contracts/ports.ts'
import type { Sdk } from './load-client.ts'
import type { Address, Command, Target } from './target.ts'

/** A way to a server. It is closed by its client. */
export interface Wire {
  readonly transport: Transport
  /** What is known of why it does not answer; empty where that is nothing. */
  said(): string
  /** Says goodbye, before it is closed. Never rejects. */
  leave(): Promise<void>
  /** Resolves when a server that is ours has ended. */
  readonly gone: Promise<void>
}

/** A way to a server, not used yet. @param onCut the answer to a call, known by its key, will not come */
export const wireTo = (
  sdk: Sdk,
  target: Target,
  { log, onCut }: { log: Logger; onCut: (key: string) => void },
): Wire => ('command' in target ? processWire(sdk, target, log) : httpWire(sdk, target, onCut))

/** How much of what a server says beside its messages is kept, in characters. */
const SAID_CHARS = 300

const processWire = (sdk: Sdk, { command, args = [], env = {} }: Command, log: Logger): Wire => {
  const transport = new sdk.StdioClientTransport({ command, args: [...args], env, stderr: 'pipe' })
  const { promise: gone, resolve } = Promise.withResolvers<void>()
  const complaints = new LastLine()
  const garbage = new LastLine()
  let child: ChildProcess | undefined
  // It has to be read, or the server gets stuck when it is full.
  transport.stderr?.on('data', (chunk: Buffer) => {
    complaints.add(chunk.toString())
    log.debug({ server: command, text: chunk.toString().trimEnd() }, 'an MCP server said')
  })
  const start = transport.start.bind(transport)
  transport.start = async () => {
    const starting = withChild(start)
    child = starting.child
    // Not `close`: what it has started itself may keep its streams open.
    child?.once('exit', () => resolve())
    child?.once('error', () => resolve())
    if (!child) resolve()
    await starting.started
    listenUntilItSpeaks(child, (text) => {
      garbage.add(text)
      log.debug({ server: command, text: garbage.text }, 'an MCP server wrote what is no message')
    })
  }
  const said = (): string => {
    const parts = [endOf(child), quoted('its error output', complaints), quoted('its output', garbage)]
    return parts.filter((part) => part !== '').join('; ')
  }
  return { transport, said, leave: async () => {}, gone }
}

/** Some servers write a banner first; those that write nothing else are found out by it. */
const listenUntilItSpeaks = (child: ChildProcess | undefined, heard: (text: string) => void): void => {
  const listen = (chunk: Buffer): void => {
    const text = chunk.toString()
    if (!isMessage(text)) return heard(text)
    child?.stdout?.off('data', listen)
  }
  child?.stdout?.on('data', listen)
}

const isMessage = (text: string): boolean => text.includes('"jsonrpc"')

interface Starting {
  readonly child: ChildProcess | undefined
  readonly started: Promise<void>
}

/** Runs something that starts a process, which Node tells of at once. */
const withChild = (start: () => Promise<void>): Starting => {
  const made = channel('child_process')
  let child: ChildProcess | undefined
  const see = (message: unknown): void => {
    child = (message as { process: ChildProcess }).process
  }
  made.subscribe(see)
  try {
    return { started: start(), child }
  } finally {
    made.unsubscribe(see)
  }
}

const endOf = (child: ChildProcess | undefined): string => {
  if (child?.signalCode) return `it was ended by ${child.signalCode}`
  return typeof child?.exitCode === 'number' ? `it ended with code ${String(child.exitCode)}` : ''
}

const quoted = (where: string, { text }: LastLine): string =>
  text === '' ? '' : `the last line of ${where} is ${JSON.stringify(text)}`

/** The last line of a stream. */
class LastLine {
  text = ''
  #open = ''

  add(chunk: string): void {
    const lines = (this.#open + chunk).split('\n')
    // Its beginning says what it is.
    this.#open = (lines.pop() ?? '').slice(0, SAID_CHARS)
    const last = lines.findLast((line) => line.trim() !== '')
    if (last !== undefined) this.text = last.trim().slice(0, SAID_CHARS)
  }
}

/** How long a server may take to end a session, in real milliseconds: it ends with the connection anyway. */
const GOODBYE_MS = 1_000

const httpWire = (sdk: Sdk, { url, headers = {} }: Address, onCut: (key: string) => void): Wire => {
  const transport = new sdk.StreamableHTTPClientTransport(new URL(url), {
    requestInit: { headers: { ...headers } },
  })
  const send = transport.send.bind(transport)
  transport.send = (message, options) => {
    const key = keyIn(message)
    if (key === undefined) return send(message, options)
    return send(message, { ...options, onRequestStreamEnd: () => onCut(key) })
  }
  const leave = async (): Promise<void> => {
    const late = new Promise<void>((resolve) => void setTimeout(resolve, GOODBYE_MS).unref())
    await Promise.race([transport.terminateSession().catch(() => {}), late])
  }
  return { transport, said: () => '', leave, gone: Promise.resolve() }
}

/** What the server is told of a call: the key under which it may know it again. */
export const KEY = 'troupe/key'

const keyIn = (message: unknown): string | undefined => {
  const { params } = message as { params?: { _meta?: Record<string, unknown> } }
  const key = params?._meta?.[KEY]
  return typeof key === 'string' ? key : undefined
}
