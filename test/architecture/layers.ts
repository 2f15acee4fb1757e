/** Who may import whom: the layers of the project as a table. What a line does not name is forbidden. */

/** Where a layer is, and what its files may import beside files of the same layer. */
export interface Layer {
  /** A folder with its slash, or a pattern for the files that are directly in a folder. */
  readonly holds: string | RegExp
  /** Folders with their slash, or names of packages exactly as they are imported. `node:*` is all of Node. */
  readonly imports: readonly string[]
  /** The same, by `import type` only. */
  readonly types?: readonly string[]
}

const contracts = 'src/contracts/'

/** The first line that fits a file is its layer. */
export const layers: readonly Layer[] = [
  // The vocabulary. Types of xstate are part of it, its code is not.
  { holds: contracts, imports: ['zod'], types: ['xstate'] },
  // They decide and never do.
  { holds: 'machines/', imports: ['xstate', contracts] },
  { holds: 'actors/', imports: ['xstate', 'zod', 'machines/', contracts] },
  // The one place that knows the insides of XState.
  { holds: 'src/logic/', imports: ['xstate', contracts] },
  {
    holds: 'src/system/',
    imports: ['nanoid', 'node:*', contracts, 'src/logic/', 'machines/', 'actors/'],
    types: ['xstate'],
  },
  // Adapters: contracts, Node and their own driver.
  { holds: 'src/bus/', imports: ['node:*', contracts] },
  { holds: 'src/stores/', imports: ['pg', 'node:*', contracts] },
  { holds: 'src/models/', imports: ['openai', 'node:*', contracts], types: ['@ai-sdk/provider'] },
  {
    holds: 'src/mcp/',
    imports: [
      '@modelcontextprotocol/client',
      '@modelcontextprotocol/client/stdio',
      '@modelcontextprotocol/client/validators/ajv',
      'node:*',
      contracts,
    ],
  },
  { holds: 'src/telemetry/', imports: ['pino', 'node:*', contracts] },
  // Pieces of the command. `src/cli.ts` hands them what runs agents: they see a System, not the kernel.
  { holds: 'src/cli/', imports: ['commander', 'csv-parse', 'csv-parse/sync', 'node:*', contracts] },
  // The entries put everything together.
  {
    holds: /^src\/[^/]+$/,
    imports: [
      'commander',
      'nanoid',
      'pino',
      'xstate',
      'zod',
      'node:*',
      contracts,
      'actors/',
      'machines/',
      'src/logic/',
      'src/system/',
      'src/bus/',
      'src/stores/',
      'src/models/',
      'src/mcp/',
      'src/telemetry/',
      'src/cli/',
    ],
  },
]
