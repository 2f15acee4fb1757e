/**
 * Support escalation: after every step the state decides who is next. A ticket is classified, then looked up; a sure hit
 * is the answer. Otherwise diagnosis, billing or product takes over; what diagnosis cannot solve is for product. What
 * fails on the way goes to a person.
 */
import { agent, human, ProviderError, router, type Agent, type Model, type Outcome } from 'troupe'
import { z } from 'zod'

/** A customer's message, and what was found out about it on the way. */
export const Ticket = z.object({ id: z.string(), text: z.string(), notes: z.array(z.string()).default([]) })
/** A customer's message. */
export type Ticket = z.output<typeof Ticket>
type Sent = z.input<typeof Ticket>

const Kind = z.enum(['technical', 'billing', 'product'])
type Kind = z.output<typeof Kind>
const Article = z.object({ text: z.string(), confidence: z.number().min(0).max(1) })
type Article = z.output<typeof Article>
const Finding = z.object({ text: z.string(), solved: z.boolean() })
type Finding = z.output<typeof Finding>

/** Above it an article is the answer. */
export const SURE = 0.85

const classify = agent('classify', {
  input: Ticket,
  output: Kind,
  run: ({ text }): Kind => {
    if (/invoice|refund|charged/i.test(text)) return 'billing'
    return /crash|error|slow/i.test(text) ? 'technical' : 'product'
  },
})

const ARTICLES: readonly { words: readonly string[]; text: string }[] = [
  { words: ['reset', 'password'], text: 'Passwords are reset on the sign-in page.' },
  { words: ['error', '42', 'upload'], text: 'Error 42: the file is larger than 1 GB.' },
  { words: ['invoice', 'download'], text: 'Invoices are in your account, under "Billing".' },
]

const knowledge = agent('knowledge', {
  input: Ticket,
  output: Article,
  run: ({ text }): Article => {
    const found = ARTICLES.map(({ words, text: answer }) => {
      const hits = words.filter((word) => text.toLowerCase().includes(word)).length
      return { text: answer, confidence: hits / words.length }
    })
    return found.reduce((best, each) => (each.confidence > best.confidence ? each : best))
  },
})

const diagnosis = agent('diagnosis', {
  input: Ticket,
  output: Finding,
  run: ({ text }) =>
    /slow/i.test(text)
      ? { text: 'Close other tabs, and it is fast again.', solved: true }
      : { text: 'it can be reproduced', solved: false },
})

const billing = agent('billing', { input: Ticket, run: ({ id }) => `We look at the invoices of ${id}.` })

const product = agent('product', {
  input: Ticket,
  run: ({ notes }) => ['We have it on our list', ...notes].join(': '),
})

/** Without `answer`, a stand-in, a ticket would wait in the system's inbox. */
const person = human('person', {
  input: Ticket,
  output: z.string(),
  answer: ({ id }) => `A colleague calls you about ${id}.`,
})

type Team = {
  classify: Agent<Sent, Kind>
  knowledge: Agent<Sent, Article>
  diagnosis: Agent<Sent, Finding>
  billing: Agent<Sent, string>
  product: Agent<Sent, string>
  person: Agent<Sent, string>
}

/** The team, with others in it where wanted. */
export const support = (team: Partial<Team> = {}) =>
  router('support', {
    to: { classify, knowledge, diagnosis, billing, product, person, ...team },
    next: ({ input, steps }) => {
      const [first] = steps
      const last = steps.at(-1)
      if (!first || !last) return 'classify'
      switch (last.to) {
        case 'classify':
          if (last.outcome.status !== 'completed') return escalated(last)
          return { to: 'knowledge', reason: `it is ${last.outcome.output}` }
        case 'knowledge': {
          const article = last.outcome.status === 'completed' ? last.outcome.output : undefined
          if (article && article.confidence > SURE) return { done: article.text }
          const isKnown = first.to === 'classify' && first.outcome.status === 'completed'
          const kind = isKnown ? first.outcome.output : 'product'
          const to = kind === 'technical' ? 'diagnosis' : kind
          return { to, reason: article ? `no article is surer than ${SURE}` : `knowledge ${last.outcome.status}` }
        }
        case 'diagnosis': {
          if (last.outcome.status !== 'completed') return escalated(last)
          const { text, solved } = last.outcome.output
          if (solved) return { done: text }
          return { to: 'product', input: { ...input, notes: [text] }, reason: 'diagnosis has no solution' }
        }
        case 'billing':
        case 'product':
          return last.outcome.status === 'completed' ? { done: last.outcome.output } : escalated(last)
        case 'person':
          if (last.outcome.status === 'completed') return { done: last.outcome.output }
          // Nobody is left: it ends as the person did.
          throw 'error' in last.outcome ? last.outcome.error : new Error(last.outcome.status)
      }
    },
  })

const escalated = ({ to, outcome }: { to: string; outcome: Outcome }) => ({
  to: 'person' as const,
  reason: `${to} ended ${outcome.status}`,
})

export default support()

/** The same with a model that classifies and diagnoses. Articles, `next` and the person stay as they are. */
export const withModel = (model: Model) =>
  support({
    classify: agent('classify', {
      model,
      instructions: 'Say what kind of ticket this is: technical, billing, or about the product.',
      input: Ticket,
      output: Kind,
      prompt: ({ text }) => text,
    }),
    diagnosis: agent('diagnosis', {
      model,
      instructions: 'Find out what is wrong. Say what helps, or what you have found, and whether that solves it.',
      input: Ticket,
      output: Finding,
      prompt: ({ text }) => text,
    }),
    product: agent('product', {
      model,
      instructions: 'Answer in two sentences: we know what is missing or broken, and have it on our list.',
      input: Ticket,
    }),
  })

/** What `--faults` runs: the knowledge base is down, and billing has a bug. */
export const faults = support({
  knowledge: agent('knowledge', {
    input: Ticket,
    output: Article,
    run: (): Article => {
      throw new ProviderError('the knowledge base is down', { code: 'UNAVAILABLE', retryable: false })
    },
  }),
  billing: agent('billing', {
    input: Ticket,
    run: ({ id }): string => {
      throw new TypeError(`a bug in billing: ${id} has no customer`)
    },
  }),
})
