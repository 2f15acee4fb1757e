/** The entry `troupe/models/ai-sdk`: models of the AI SDK. */
import type { Model } from '../contracts/ports.ts'
import { aiSdkModel } from './ai-sdk-model.ts'

/**
 * Any AI SDK language model. Needs `ai`.
 * @throws ConfigurationError when it is none, or made for an AI SDK older than 5
 */
export function aiSdk(model: { readonly modelId: string; readonly provider: string }): Model {
  return aiSdkModel(model)
}
