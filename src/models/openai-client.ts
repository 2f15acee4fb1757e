/**
 * How a server of OpenAI's APIs is reached. The key has to be there when a client is made, which is on first
 * use.
 */
import { OpenAI } from 'openai'
import { NotProvidedError } from '../contracts/errors.ts'
import type { Options } from '../contracts/schemas.ts'

/** Where the server is, and the key to it. */
export type Access = Options<{ baseURL: string; apiKey: string }>

/** The key, from the option or the environment. */
export const keyOf = ({ apiKey }: Access): string | undefined =>
  apiKey?.trim() || process.env['OPENAI_API_KEY']?.trim() || undefined

/** The address, from the option or the environment; `undefined`: OpenAI itself. */
export const addressOf = ({ baseURL }: Access): string | undefined =>
  baseURL ?? (process.env['OPENAI_BASE_URL']?.trim() || undefined)

/** Who is asked, for messages. */
export const hostOf = (access: Access): string => {
  const address = addressOf(access)
  return address === undefined ? 'api.openai.com' : (URL.parse(address)?.host ?? address)
}

/**
 * A client that neither retries nor logs: retries have one owner, and what it would log holds prompts.
 * @throws NotProvidedError when there is no key
 */
export const openaiClient = (model: string, access: Access, timeoutMs: number): OpenAI => {
  const apiKey = keyOf(access)
  if (apiKey === undefined) {
    throw new NotProvidedError(
      `"${model}" needs a key: set the environment variable OPENAI_API_KEY, or the option, as in ` +
        `openai('${model}', { apiKey }). A server that asks for none takes any text.`,
    )
  }
  return new OpenAI({
    apiKey,
    baseURL: addressOf(access),
    maxRetries: 0,
    logLevel: 'off',
    timeout: timeoutMs,
  })
}
