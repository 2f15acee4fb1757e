/**
 * What OpenAI asks for its models: list prices of the standard tier in USD per million tokens, for a context
 * of up to 272,000 tokens, as published in October 2026. Extended and corrected through the option `price`.
 * @see https://developers.openai.com/api/docs/pricing
 */
import type { Price } from '../contracts/ports.ts'

type Row = readonly [input: number, cachedInput: number | undefined, output: number]

const table: Readonly<Record<string, Row>> = {
  'gpt-6.1-sol': [2, 0.1, 10],
  'gpt-6-astra': [10, 1, 50],
  'gpt-6-sol': [2, 0.2, 10],
  'gpt-6-luna': [0.1, 0.01, 0.5],
  'gpt-5.6': [4, 0.4, 20],
  'gpt-5.6-sol': [4, 0.4, 20],
  'gpt-5.6-terra': [2, 0.2, 12],
  'gpt-5.6-luna': [0.2, 0.02, 1.2],
  'gpt-5.5': [5, 0.5, 30],
  'gpt-5.4': [2.5, 0.25, 15],
  'gpt-5.4-mini': [0.75, 0.075, 4.5],
  'gpt-5.4-nano': [0.2, 0.02, 1.25],
  'gpt-5.3-codex': [1.75, 0.175, 14],
  'gpt-5.2': [1.75, 0.175, 14],
  'gpt-5.2-pro': [21, undefined, 168],
  'gpt-5.1': [1.25, 0.125, 10],
  'gpt-5.1-codex': [1.25, 0.125, 10],
  'gpt-5': [1.25, 0.125, 10],
  'gpt-5-pro': [15, undefined, 120],
  'gpt-5-codex': [1.25, 0.125, 10],
  'gpt-5-mini': [0.25, 0.025, 2],
  'gpt-5-nano': [0.05, 0.005, 0.4],
  'gpt-4.1': [2, 0.5, 8],
  'gpt-4.1-mini': [0.4, 0.1, 1.6],
  'gpt-4.1-nano': [0.1, 0.025, 0.4],
  'gpt-4o': [2.5, 1.25, 10],
  'gpt-4o-2024-05-13': [5, undefined, 15],
  'gpt-4o-mini': [0.15, 0.075, 0.6],
  'o4-mini': [1.1, 0.275, 4.4],
  o3: [2, 0.5, 8],
  'o3-mini': [1.1, 0.55, 4.4],
  o1: [15, 7.5, 60],
}

/**
 * The price of a model by its name, whoever serves it: `openai/gpt-5.1` and `gpt-5.1-2025-11-13` cost what
 * `gpt-5.1` does. `undefined` for a model that is not in the table: its costs are unknown then, not 0.
 */
export const priceOf = (model: string): Price | undefined => {
  const name = model.replace(/^openai\//, '')
  const row = rowOf(name) ?? rowOf(name.replace(/-\d{4}-\d{2}-\d{2}$/, ''))
  return row && { input: row[0], ...(row[1] !== undefined && { cachedInput: row[1] }), output: row[2] }
}

const rowOf = (name: string): Row | undefined => (Object.hasOwn(table, name) ? table[name] : undefined)
