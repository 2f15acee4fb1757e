/**
 * Metrics and traces: a help desk with a small model that routes, a larger one with a tool, a technician whose
 * tries may fail, and a colleague. What it did, how long, for how much and why is in the events of each run:
 * `trace.ts` reads them.
 */
import { agent, human, ProviderError, router, tool, type Agent, type Model } from 'troupe'
import { scripted, type Turn } from 'troupe/models/scripted'
import { z } from 'zod'

/** What a customer writes. */
export const Ticket = z.object({ id: z.string(), text: z.string() })
/** What a customer writes. */
export type Ticket = z.output<typeof Ticket>

const Route = z.object({ to: z.enum(['billing', 'technical']), confidence: z.number(), reason: z.string() })

const invoice = tool('invoice', {
  description: 'Looks up an invoice',
  input: z.object({ number: z.string() }),
  effect: 'idempotent',
  run: ({ number }) => ({ number, eur: number.length * 10, isPaid: number.endsWith('0') }),
})

/** The team; each agent has its own model. */
const team = (small: Model, large: Model): Agent<Ticket, string> => {
  const triage = agent('triage', {
    input: Ticket,
    output: Route,
    model: small,
    instructions: 'Say who should answer the ticket, how sure you are, and why.',
    prompt: ({ text }) => text,
  })
  const billing = agent('billing', {
    input: Ticket,
    model: large,
    instructions: 'Answer the question about an invoice. Look the invoice up.',
    prompt: ({ text }) => text,
    tools: [invoice],
  })
  const manual = agent('manual', { input: Ticket, run: () => 'Please turn it off and on again.' })
  const technical = agent('technical', {
    input: Ticket,
    retry: { attempts: 2, minMs: 50, jitter: false },
    fallback: manual,
    run: async ({ text }, { step, sleep, attempt }) => {
      const version = await step('read version', () => /\d\.\d/.exec(text)?.[0] ?? 'unknown')
      await sleep(20)
      const tries = /crash/.test(text) ? 3 : /slow/.test(text) ? 2 : 1
      if (attempt < tries) throw new ProviderError('the lab is busy', { code: 'UNAVAILABLE', retryable: true })
      return `Fixed in the version after ${version}.`
    },
  })
  // Offline a stand-in; without `answer` it waits in the inbox.
  const answer = (): string => 'A colleague calls you.'
  const colleague = human('colleague', { input: Ticket, output: z.string(), answer })
  return router('desk', { by: triage, to: { billing, technical }, minConfidence: 0.6, otherwise: colleague })
}

const asked = ({ messages }: { messages: readonly { role: string; text: string }[] }): string =>
  messages.findLast(({ role }) => role === 'user')?.text ?? ''

const usage = { inputTokens: 100, cachedTokens: 40, outputTokens: 20 }

/** Stands in for a small model. */
const small = scripted(
  (request): Turn => {
    const [word] = /invoice|charged|crash|slow/.exec(asked(request)) ?? []
    const to = word === 'invoice' || word === 'charged' ? 'billing' : 'technical'
    const reason = word ? `it says "${word}"` : 'nothing in it is known'
    return { text: JSON.stringify({ to, confidence: word ? 0.9 : 0.3, reason }), delayMs: 5, usage }
  },
  { name: 'small', price: { input: 0.1, cachedInput: 0.01, output: 0.4 } },
)

/** Stands in for a large one. */
const large = scripted(
  (request): Turn => {
    const last = request.messages.at(-1)
    if (last?.role === 'tool') return { text: `We found ${last.text}.`, delayMs: 30, usage }
    const [number = 'i-0'] = /i-\d+/.exec(asked(request)) ?? []
    return { calls: [{ name: 'invoice', input: JSON.stringify({ number }) }], delayMs: 30, usage }
  },
  { name: 'large', price: { input: 2, cachedInput: 0.2, output: 8 } },
)

export default team(small, large)

/** The same with a model in both seats. */
export const withModel = (model: Model): Agent<Ticket, string> => team(model, model)
