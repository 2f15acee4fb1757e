/**
 * Guard rails of production: a help desk whose provider may be slow, busy, down or wrong, and must not be asked
 * more often than it allows. Each rail is an option of an agent, or something around its model.
 */
import { agent, batch, BudgetError, parallel, router, tool, type Agent, type Model, type Outcome } from 'troupe'
import { cached } from 'troupe/models/cached'
import { limited } from 'troupe/models/limited'
import { scripted, type Turn } from 'troupe/models/scripted'
import { z } from 'zod'

/** What is asked. */
export const Question = z.object({ id: z.string(), text: z.string() })
/** What is asked. */
export type Question = z.output<typeof Question>

/** The contract of everybody who answers. */
export const Answer = z.object({ text: z.string().min(1), by: z.string(), sure: z.number().min(0).max(1) })
/** What is answered. */
export type Answer = z.output<typeof Answer>

/** What the desk depends on. */
export interface Outside {
  /** Cheap, for the gate and for arithmetic. */
  readonly small: Model
  /** Good, dear and slow. */
  readonly large: Model
  /** Looks up many texts at once; `undefined` where nothing is known. */
  readonly find: (texts: readonly string[]) => Promise<readonly (string | undefined)[]>
}

/** What the provider of the large model allows. */
export const LIMITS = { requestsPerMinute: 60, tokensPerMinute: 40_000, concurrency: 8 }
/** What one question may cost. */
export const BUDGET = { usd: 0.01, tokens: 5_000, calls: 12, hops: 3 }
/** How long answers are kept. */
export const TTL_MS = 600_000
/** How long the writer may take for a try. */
export const TIMEOUT_MS = 2_000
/** How many texts go into one look-up. */
export const BATCH = 20

/** The last resort: it needs nobody. */
const canned: Agent<Question, Answer> = agent('canned', {
  input: Question,
  output: Answer,
  run: () => ({ text: 'We have your question, and answer it tomorrow.', by: 'canned', sure: 0.5 }),
})

const UNITS = ['mm', 'cm', 'm', 'km', 'g', 'kg', 't', 'ml', 'l']

/** Nine tools: one more than is good for a model, which the log says. */
const converters = UNITS.map((unit) =>
  tool(`to_${unit}`, {
    description: `Converts to ${unit}`,
    input: z.object({ number: z.number(), factor: z.number().positive() }),
    effect: 'idempotent',
    run: ({ number, factor }) => `${number * factor} ${unit}`,
  }),
)

/** The team. */
export const desk = ({ small, large, find }: Outside) => {
  const cheap = cached(limited(small, { concurrency: 32 }), { ttlMs: TTL_MS })
  // The cache outside of the limits: what is known asks nobody. A copy, so that desks do not share one limit.
  const dear = cached(limited(large, { ...LIMITS }), { ttlMs: TTL_MS })
  const lookUp = batch(find, { size: BATCH, waitMs: 0 })

  const gate = agent('gate', {
    input: Question,
    output: z.enum(['answer', 'convert']),
    model: cheap,
    instructions: 'Is this a question to answer, or something to convert?',
    prompt: ({ text }) => text,
    timeoutMs: 1_000,
  })
  const archive = agent('archive', {
    input: Question,
    output: Answer,
    run: async ({ text }) => {
      const known = await lookUp(text)
      return known === undefined
        ? { text: 'Nothing is known of it.', by: 'archive', sure: 0 }
        : { text: known, by: 'archive', sure: 1 }
    },
  })
  const writer = agent('writer', {
    input: Question,
    output: Answer,
    model: dear,
    instructions: 'Answer in one sentence. Say "writer" as `by`, and how sure you are.',
    prompt: ({ text }) => text,
    settings: { maxOutputTokens: 200 },
    timeoutMs: TIMEOUT_MS,
    retry: { attempts: 3, minMs: 200, maxMs: 5_000 },
    circuit: { failures: 5, openMs: 10_000, maxOpenMs: 20_000 },
    fallback: canned,
  })
  // Both at once. A sure answer of the archive is enough: then the writer is called back.
  const answer = parallel('answer', {
    branches: { archive, writer },
    until: ({ archive: found }) => sureOf(found) > 0.9,
    join: ({ archive: found, writer: written }): Answer => {
      const best = sureOf(found) > 0.9 ? found : written
      if (best.status === 'completed') return best.output
      // A limit that is spent ends the run as such, and not as a failure.
      if (best.status === 'exhausted') throw new BudgetError(best.what, best.cap, best.spent)
      throw 'error' in best ? best.error : new Error(best.status)
    },
  })
  const convert = agent('convert', {
    input: Question,
    output: Answer,
    model: cheap,
    instructions: 'Convert with a tool. Say "convert" as `by`.',
    prompt: ({ text }) => text,
    tools: converters,
    maxTurns: 3,
    fallback: canned,
  })
  return router('desk', { by: gate, to: { answer, convert } })
}

const sureOf = (outcome: Outcome<Answer> | undefined): number =>
  outcome?.status === 'completed' ? outcome.output.sure : 0

const asked = ({ messages }: { messages: readonly { role: string; text: string }[] }): string =>
  messages.find(({ role }) => role === 'user')?.text ?? ''

const answering = (text: string, by: string): string => JSON.stringify({ text, by, sure: 0.8 })

/** Stands in for a small model: the gate has no tools, the converter has. */
export const small = scripted(
  (request): Turn => {
    const text = asked(request)
    const usage = { inputTokens: 60, cachedTokens: 0, outputTokens: 10 }
    if (request.tools.length === 0) {
      return { text: JSON.stringify({ value: /^convert/i.test(text) ? 'convert' : 'answer' }), delayMs: 20, usage }
    }
    const last = request.messages.at(-1)
    if (last?.role === 'tool') return { text: answering(last.text, 'convert'), delayMs: 20, usage }
    return { calls: [{ name: 'to_km', input: '{ "number": 26, "factor": 1.6 }' }], delayMs: 20, usage }
  },
  { name: 'small', price: { input: 0.1, output: 0.4 } },
)

/**
 * Stands in for a large model.
 * @param trouble what happens instead of an answer, by the number of the call
 */
export const large = (trouble: (call: number) => Turn | undefined = () => undefined) => {
  let calls = 0
  return scripted(
    (request): Turn => {
      const wrong = trouble((calls += 1))
      const usage = { inputTokens: 200, cachedTokens: 0, outputTokens: 40 }
      return wrong ?? { text: answering(`About "${asked(request)}": yes.`, 'writer'), delayMs: 100, usage }
    },
    { name: 'large', price: { input: 2, output: 8 } },
  )
}

/** Stands in for a search in what was answered before. */
export const find: Outside['find'] = async (texts) =>
  texts.map((text) => (/opening hours/i.test(text) ? 'From nine to five.' : undefined))

export default desk({ small, large: large(), find })

/** Of five calls of the large model one hangs, and one gives something else than an answer. */
export const faults = desk({
  small,
  large: large((call) => {
    if (call % 5 === 2) return { delayMs: 60_000, text: 'too late' }
    return call % 5 === 4 ? 'Certainly!' : undefined
  }),
  find,
})

/** The same with one model for all. */
export const withModel = (model: Model) => desk({ small: model, large: model, find })
