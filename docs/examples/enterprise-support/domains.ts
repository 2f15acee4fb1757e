/**
 * The domains of the team, what each of them knows, and how to tell which one a text is about. Words only.
 */
import { z } from 'zod'

/** What a customer wants. */
export const Request = z.object({ id: z.string(), text: z.string() })
/** What a customer wants. */
export type Request = z.output<typeof Request>

/** What a customer gets, from whom, and how sure that is. */
export const Answer = z.object({
  answer: z.string().min(1),
  by: z.string(),
  confidence: z.number().min(0).max(1),
})
/** What a customer gets. */
export type Answer = z.output<typeof Answer>

/** The domains, in the order that decides ties. */
export const domains = ['billing', 'technical', 'security'] as const
/** One of the domains. */
export type Domain = (typeof domains)[number]

interface Knowledge {
  /** What it is about. */
  readonly words: readonly string[]
  /** By what they are about. */
  readonly articles: Readonly<Record<string, string>>
}

/** What the system of each domain has. */
export const KNOWN: Readonly<Record<Domain, Knowledge>> = {
  billing: {
    words: ['invoice', 'contract', 'seats', 'price'],
    articles: {
      'invoice copy': 'Copies of invoices are in the portal.',
      'more seats': 'Seats are added at once.',
    },
  },
  technical: {
    words: ['api', 'sync', 'export', 'error'],
    articles: {
      'api limit': 'The API takes 600 calls a minute.',
      'export stuck': 'Start the export again.',
    },
  },
  security: {
    words: ['sso', 'audit', 'certificate', 'access'],
    articles: {
      'audit report': 'The audit report comes on request.',
      'sso login': 'Your admin sets up SSO.',
    },
  },
}

const found = (words: readonly string[], text: string): number =>
  words.filter((word) => new RegExp(`\\b${word}`, 'i').test(text)).length

/** The article of a domain that fits best; as sure as the share of its words that the text has. */
export const lookUp = (domain: Domain, text: string): Answer => {
  const fits = Object.entries(KNOWN[domain].articles).map(([about, answer]) => {
    const words = about.split(' ')
    return { answer, by: domain, confidence: found(words, text) / words.length }
  })
  const best = fits.toSorted((a, b) => b.confidence - a.confidence)[0]
  return best && best.confidence > 0 ? best : { answer: 'We do not know.', by: domain, confidence: 0 }
}

/** How many words of each domain a text has, most first. */
export const topicsIn = (text: string): { domain: Domain; hits: number }[] =>
  domains
    .map((domain) => ({ domain, hits: found(KNOWN[domain].words, text) }))
    .toSorted((a, b) => b.hits - a.hits)

/** The domains of which a text has more than one word. */
export const severalIn = (text: string): Domain[] =>
  topicsIn(text).flatMap(({ domain, hits }) => (hits > 1 ? [domain] : []))
