/** The package that speaks MCP, loaded when a server is used first: nobody else needs it. */
import type { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import type { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import type { AjvJsonSchemaValidator } from '@modelcontextprotocol/client/validators/ajv'
import { NotProvidedError } from '../contracts/errors.ts'

const PACKAGE = '@modelcontextprotocol/client'

/** What is used of it. */
export interface Sdk {
  readonly Client: typeof Client
  readonly StdioClientTransport: typeof StdioClientTransport
  readonly StreamableHTTPClientTransport: typeof StreamableHTTPClientTransport
  readonly AjvJsonSchemaValidator: typeof AjvJsonSchemaValidator
}

/** @throws NotProvidedError rejects with it where the package is not installed */
export const loadClient = async (): Promise<Sdk> => {
  try {
    const [client, stdio, ajv] = await Promise.all([
      import('@modelcontextprotocol/client'),
      import('@modelcontextprotocol/client/stdio'),
      import('@modelcontextprotocol/client/validators/ajv'),
    ])
    return { ...client, ...stdio, ...ajv }
  } catch (thrown) {
    if (!isMissing(thrown)) throw thrown
    throw new NotProvidedError(`\`mcp\` needs a package that is not installed: npm install ${PACKAGE}`, {
      cause: thrown,
    })
  }
}

const isMissing = (thrown: unknown): boolean =>
  thrown instanceof Error && 'code' in thrown && thrown.code === 'ERR_MODULE_NOT_FOUND'
