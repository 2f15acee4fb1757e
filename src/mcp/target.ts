/** Where an MCP server is: a command that starts one, or an address that one listens at. */
import { ConfigurationError } from '../contracts/errors.ts'

/** A server that is a process of ours. */
export interface Command {
  readonly command: string
  readonly args?: readonly string[] | undefined
  /** Beside the few variables that every server gets: what finds programs and the home of the user. */
  readonly env?: Readonly<Record<string, string>> | undefined
}

/** A server that listens. */
export interface Address {
  readonly url: string
  readonly headers?: Readonly<Record<string, string>> | undefined
}

export type Target = Command | Address

/** What people know it by. Arguments, queries and headers may hold secrets. */
export const titleOf = (target: Target): string => {
  if ('command' in target) return target.command
  const { origin, pathname } = new URL(target.url)
  return origin + pathname
}

/** @throws ConfigurationError for what cannot be a server */
export const checkTarget = (given: Partial<Command & Address>): void => {
  const { command, url } = given
  if ((command === undefined) === (url === undefined)) {
    throw new ConfigurationError('`mcp` needs either `command`, to start a server, or `url`, to reach one')
  }
  if (command?.trim() === '') throw new ConfigurationError('`mcp`: `command` is empty')
  if (url === undefined) return checkNone(given, ['headers'], 'url')
  checkNone(given, ['args', 'env'], 'command')
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed?.protocol !== 'http:' && parsed?.protocol !== 'https:') {
    throw new ConfigurationError('`mcp`: `url` is no address such as "http://localhost:3000/mcp"')
  }
}

const checkNone = (given: object, names: readonly string[], of: string): void => {
  const found = names.find((name) => (given as Record<string, unknown>)[name] !== undefined)
  if (found !== undefined) throw new ConfigurationError(`\`mcp\`: \`${found}\` goes with \`${of}\``)
}
