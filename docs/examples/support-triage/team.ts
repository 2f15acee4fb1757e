/**
 * Support triage: a cheap model at the gate reads each message and hands it to billing, technical or
 * general, together with all that was said before. The answer names who gave it. A department that does not
 * exist is refused.
 */
import { agent, router, tool, type Agent, type Ctx, type Model } from 'troupe'
import { scripted } from 'troupe/models/scripted'
import { z } from 'zod'

/** What a customer writes. */
export const Message = z.object({ id: z.string(), text: z.string() })
/** What a customer writes. */
export type Message = z.output<typeof Message>

/** The departments, and what is for them. */
const departments = {
  billing: 'Invoices, payments, refunds',
  technical: 'What does not work as it should',
  general: 'Everything else',
} as const
type Department = keyof typeof departments
const names = Object.keys(departments) as Department[]

/** A department that is not in this list does not fit; `router` wants a target for each that is. */
const Decision = z.object({ to: z.enum(names), reason: z.string() })
/** What a customer gets: an answer, and who gave it. */
const Answer = z.object({ answer: z.string().min(1), by: z.enum(names) })

type Gate = Agent<Message, z.output<typeof Decision>>
type Desk = Agent<Message, z.output<typeof Answer>>

/** The team, behind this gate. */
export const triage = (gate: Gate, desks: Readonly<Record<Department, Desk>>) =>
  router('triage', { by: gate, to: desks, history: 'full' })

const WORDS = { billing: /invoice|refund|charged|paid/i, technical: /crash|error|slow|log in/i } as const

const decide = (text: string): z.output<typeof Decision> => {
  for (const to of ['billing', 'technical'] as const) {
    const word = WORDS[to].exec(text)?.[0]
    if (word) return { to, reason: `it says "${word}"` }
  }
  return { to: 'general', reason: 'no word of another department' }
}

const byWords: Gate = agent('gate', { input: Message, output: Decision, run: ({ text }) => decide(text) })

/** All that the customer has said: in this conversation so far, which comes with the handoff, and now. */
const saidIn = ({ text }: Message, { handoff }: Ctx): string => {
  const before = (handoff?.history ?? []).filter(({ role }) => role === 'user')
  return [...before.map((message) => message.text), text].join('\n')
}

const desk = (by: Department, reply: (said: string) => string): Desk =>
  agent(by, {
    description: departments[by],
    input: Message,
    output: Answer,
    run: (message, ctx) => ({ answer: reply(saidIn(message, ctx)), by }),
  })

const byRules = {
  billing: desk('billing', (said) => {
    const invoice = /INV-\d+/.exec(said)?.[0]
    return invoice ? `We look at ${invoice} today.` : 'Which invoice is it about?'
  }),
  technical: desk('technical', (said) =>
    /version \d/i.test(said) ? 'Thank you, we can see it too.' : 'Which version do you have?',
  ),
  general: desk('general', () => 'Thank you. How can we help?'),
}

export default triage(byWords, byRules)

const gateOf = (model: Model): Gate =>
  agent('gate', {
    input: Message,
    output: Decision,
    model,
    instructions: `Which department is the message for? ${JSON.stringify(departments)}`,
    prompt: ({ text }) => text,
    retry: { attempts: 1 },
  })

/** What `--faults` runs: the model at the gate insists on a department that does not exist. */
export const faults = triage(
  gateOf(
    scripted(({ messages }) => {
      const text = messages.find(({ role }) => role === 'user')?.text ?? ''
      return JSON.stringify(/court/i.test(text) ? { to: 'legal', reason: 'it says "court"' } : decide(text))
    }),
  ),
  byRules,
)

/** The same with models: a cheap one at the gate, one that knows more behind it. */
export const withModel = (model: Model, cheap = model) => {
  const lookUp = tool('look_up_invoice', {
    description: 'The state of an invoice, by its number such as INV-7',
    input: z.object({ invoice: z.string() }),
    effect: 'idempotent',
    run: ({ invoice }) => ({ invoice, state: 'paid twice' }),
  })
  const modelDesk = (by: Department): Desk =>
    agent(by, {
      description: departments[by],
      input: Message,
      // Only with its own name: who has answered is not for the model to choose.
      output: Answer.extend({ by: z.literal(by) }),
      model,
      instructions: `You answer customers. Your department: ${departments[by]}. Read what was said before.`,
      prompt: ({ text }) => text,
      tools: by === 'billing' ? [lookUp] : [],
    })
  return triage(gateOf(cheap), {
    billing: modelDesk('billing'),
    technical: modelDesk('technical'),
    general: modelDesk('general'),
  })
}
