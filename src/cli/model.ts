/** The model that `--model` names: whose it is, whether it can be reached. Not what a module makes of it. */
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Model } from '../contracts/ports.ts'
import { messageOf } from './place.ts'
import { UsageError } from './usage-error.ts'

/** The options of the command that choose a model. */
export type ModelFlags = Readonly<{ model?: string; baseUrl?: string; api?: Api }>

/** The APIs of OpenAI. */
export type Api = 'responses' | 'chat'

/** Makes models; the pieces of the command do not import those that do. */
export type Providers = Readonly<{
  openai: (name: string, options: OpenAIAccess) => Model
  aiSdk: (model: AiSdkModel) => Model
}>

type OpenAIAccess = Readonly<{ baseURL?: string; apiKey?: string; api?: Api }>
type AiSdkModel = Readonly<{ modelId: string; provider: string }>

const KNOWN =
  'there is openai:<name>, for OpenAI and with --base-url for every server that speaks its APIs, and ' +
  '<package>:<name> for a provider of the AI SDK, such as @ai-sdk/anthropic:claude-opus-4-5'

/**
 * The model that the flags name; without `--model` none. A package of the AI SDK is looked up where the
 * module lies.
 * @throws UsageError rejects with it: no such provider, no key, no address
 */
export async function modelOf(
  { model, baseUrl, api }: ModelFlags,
  module: string,
  { openai, aiSdk }: Providers,
): Promise<Model | undefined> {
  if (model === undefined) {
    const lone = baseUrl !== undefined ? '--base-url' : api !== undefined ? '--api' : undefined
    if (lone === undefined) return undefined
    throw new UsageError(`${lone} says where a model is: name it with --model openai:<name>`)
  }
  const [provider, name] = partsOf(model)
  if (provider === 'openai') return openai(name, { ...accessOf(model, baseUrl), ...(api && { api }) })
  if (!isPackage(provider)) throw new UsageError(`--model ${model}: unknown provider "${provider}": ${KNOWN}`)
  if (baseUrl !== undefined || api !== undefined)
    throw new UsageError('--base-url and --api are of --model openai:<name>: the AI SDK has its own settings')
  return aiSdk(await languageModel(provider, name, module))
}

const partsOf = (model: string): [provider: string, name: string] => {
  const at = model.indexOf(':')
  const [provider, name] = [model.slice(0, at).trim(), model.slice(at + 1).trim()]
  if (at > 0 && provider !== '' && name !== '') return [provider, name]
  throw new UsageError(
    `--model takes a provider and a name, such as openai:gpt-5.1, not "${model}": ${KNOWN}`,
  )
}

/** A server of one's own asks for no key as a rule, but the client wants one. */
const accessOf = (model: string, baseUrl: string | undefined): OpenAIAccess => {
  const address = baseUrl ?? (process.env['OPENAI_BASE_URL']?.trim() || undefined)
  const url = address === undefined ? undefined : URL.parse(address)
  if (address !== undefined && !/^https?:$/.test(url?.protocol ?? '')) {
    const where = baseUrl === undefined ? 'OPENAI_BASE_URL' : '--base-url'
    throw new UsageError(`${where} is an address such as http://localhost:11434/v1, not "${address}"`)
  }
  const given = { ...(address !== undefined && { baseURL: address }) }
  if (process.env['OPENAI_API_KEY']?.trim()) return given
  if (url && isLocal(url.hostname)) return { ...given, apiKey: 'none' }
  throw new UsageError(
    `--model ${model} needs a key for ${url?.host ?? 'api.openai.com'}: set the environment variable ` +
      'OPENAI_API_KEY. A server on this machine, such as --base-url http://localhost:11434/v1, needs none',
  )
}

const isLocal = (host: string): boolean => /^(?:(?:.+\.)?localhost|127\.[\d.]+|\[::1\])$/.test(host)

// A name without a scope may be a misspelt provider.
const isPackage = (provider: string): boolean => provider === 'ai' || /^@[\w.-]+\/[\w.-]+$/.test(provider)

type Provider = { languageModel: (name: string) => AiSdkModel }

const isProvider = (value: unknown): value is Provider =>
  (typeof value === 'function' || (typeof value === 'object' && value !== null)) &&
  'languageModel' in value &&
  typeof value.languageModel === 'function'

const languageModel = async (name: string, model: string, module: string): Promise<AiSdkModel> => {
  const from = createRequire(resolve(module))
  const file = fileOf(name, from)
  let exports: Readonly<Record<string, unknown>>
  try {
    exports = (await import(pathToFileURL(file).href)) as typeof exports
  } catch (error) {
    throw new UsageError(`"${name}" could not be loaded: ${messageOf(error)}`)
  }
  const found = new Set(Object.values(exports).filter(isProvider))
  const [provider] = found
  if (provider && found.size === 1) return provider.languageModel(model)
  const what = found.size === 0 ? 'exports no provider of the AI SDK' : `exports ${found.size} providers`
  throw new UsageError(
    `"${name}" ${what}: make the model in the module, with aiSdk(...) of troupe/models/ai-sdk, ` +
      'and run it without --model',
  )
}

const fileOf = (name: string, from: NodeJS.Require): string => {
  try {
    return from.resolve(name)
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND'
    const hint = isMissing ? `install it where the module lies: npm install ${name}` : messageOf(error)
    throw new UsageError(`"${name}" cannot be found: ${hint}`)
  }
}
