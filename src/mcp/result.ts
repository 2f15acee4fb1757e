/** What a tool of an MCP server gave, as the result of a tool of ours. */
import { isDeepStrictEqual } from 'node:util'
import type { CallToolResult, ContentBlock } from '@modelcontextprotocol/client'
import { ProviderError } from '../contracts/errors.ts'

/** How much of the words of a failed call is told, in characters. */
const MOST_CHARS = 20_000

/**
 * Texts as they are, structured content as it is. Models read text: what is none is only named.
 * @throws ProviderError `BAD_REQUEST` where the tool says that it has failed
 */
export const outputOf = (tool: string, result: CallToolResult): unknown => {
  const { content, structuredContent, isError } = result
  const text = content.map(textOf).join('\n')
  if (isError) throw failed(tool, text)
  if (structuredContent === undefined) return content.length === 0 ? undefined : text
  const repeats = (block: ContentBlock): boolean =>
    block.type === 'text' && isJsonOf(block.text, structuredContent)
  // Servers put what is structured into words as well, for clients that read nothing else.
  return content.every(repeats) ? structuredContent : `${text}\n${JSON.stringify(structuredContent)}`
}

const failed = (tool: string, text: string): ProviderError => {
  const told = text.trim() === '' ? `"${tool}" failed without a word` : text
  const note = `\n[cut: the first ${String(MOST_CHARS)} of ${String(told.length)} characters]`
  const cut = told.length > MOST_CHARS ? told.slice(0, MOST_CHARS) + note : told
  return new ProviderError(cut, { code: 'BAD_REQUEST', retryable: false })
}

const textOf = (block: ContentBlock): string => {
  switch (block.type) {
    case 'text':
      return block.text
    case 'image':
    case 'audio':
      return notShown(block.type, block.mimeType, block.data)
    case 'resource_link': {
      const { uri, name, description } = block
      return `[resource ${uri}: ${description ?? name}]`
    }
    case 'resource': {
      const { resource } = block
      if ('text' in resource) return `[resource ${resource.uri}]\n${resource.text}`
      return notShown(`resource ${resource.uri}`, resource.mimeType, resource.blob)
    }
  }
}

const notShown = (what: string, type: string | undefined, base64: string): string => {
  const bytes = Math.floor((base64.replace(/=+$/, '').length * 3) / 4)
  return `[${what}, ${type ?? 'of unknown type'}, ${String(bytes)} bytes: not shown]`
}

const isJsonOf = (text: string, value: unknown): boolean => {
  try {
    return isDeepStrictEqual(JSON.parse(text), value)
  } catch {
    return false
  }
}
