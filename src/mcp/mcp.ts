/** `mcp`: the tools of an MCP server. How it is connected to is in `server.ts`. */
import type { Approval, Effect, Mcp } from '../contracts/tools.ts'
import { DefinedMcp } from '../contracts/tool-source.ts'
import { McpServer } from './server.ts'
import { checkTarget } from './target.ts'

/**
 * The tools of an MCP server. Connects on first use; needs `@modelcontextprotocol/client`.
 * @throws ConfigurationError for what cannot be a server
 */
export function mcp(
  server: (
    | {
        command: string
        args?: readonly string[] | undefined
        env?: Readonly<Record<string, string>> | undefined
      }
    | {
        url: string
        headers?: Readonly<Record<string, string>> | undefined
      }
  ) & {
    /** Names of the tools to offer. Default: all. */
    only?: readonly string[] | undefined
    /** Default: as the server says of each; `once` where it says nothing. */
    effect?: Effect | undefined
    /** `name` is the one that the server has for the tool. */
    approve?: ((call: { name: string; input: unknown }) => Approval | false) | undefined
  },
): Mcp {
  const { only, effect, approve } = server
  checkTarget(server)
  return new DefinedMcp(new McpServer(server, { only, effect, approve }))
}
