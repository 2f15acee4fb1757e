/** Which department a ticket is for: weighted words, counted. The same text always gives the same department. */
import { departments, READ_CHARS, type Department } from './desk.ts'
import { concernOf, wordsOf } from './words.ts'

/** Where a ticket goes, and how sure that is, from 0 to 1. */
export type Route = { to: Department | 'several' | 'person'; confidence: number; reason: string }

// Strong words weigh 3 and are enough alone; weak ones weigh 1. A word stands for what begins with it.
const VOCABULARY: Readonly<Record<Department, readonly [strong: string, weak: string]>> = {
  billing: [
    'refund|invoice|charged|billed|billing|vat|overcharg|reimburs|money back|payment method|paid twice|direct debit',
    'payment|pay|paid|charge|bill|card|subscription|euro|receipt|amount|bank|declin|renew|cancel|tax|money|fee',
  ],
  technical: [
    'crash|sync|bug|api|offline|freez|upload|webhook|export|import|stack trace|notification|search index|error message',
    'error|broken|slow|app|update|version|search|attach|file|phone|device|screen|stuck|connection|page|load|download|notebook|work|fail',
  ],
  sales: [
    'pricing|price|demo|trial|quote|discount|reseller|enterprise|on-premis|self-host|nonprofit|gdpr|licence|upgrade',
    'plan|cost|buy|purchas|seat|team|compan|school|charit|offer|compar|partner|security|server|people|student',
  ],
  account: [
    'password|log in|login|sign in|two-factor|2fa|authenticator|locked out|delete my account|invite|sso|permission|recovery code|single sign',
    'account|email|address|user|member|owner|admin|role|profile|access|code|merge|link|colleague|guest|verif|locked|phone',
  ],
}

const patterns = departments.map((department) => {
  const [strong, weak] = VOCABULARY[department]
  const starting = (terms: string): RegExp[] => terms.split('|').map((term) => new RegExp(`\\b${term}`))
  return { department, strong: starting(strong), weak: starting(weak) }
})

/** How much speaks for each department, most first. */
function topicsOf(text: string): readonly { department: Department; weight: number }[] {
  const plain = text.slice(0, READ_CHARS).toLowerCase()
  const hits = (terms: readonly RegExp[]): number => terms.filter((term) => term.test(plain)).length
  return patterns
    .map(({ department, strong, weak }) => ({ department, weight: 3 * hits(strong) + hits(weak) }))
    .toSorted((a, b) => b.weight - a.weight)
}

/** A department that speaks for itself: one strong word and a weak one, or two strong ones. */
const CLEAR = 4

/** The departments that a ticket is clearly for. */
export const clearTopics = (text: string): Department[] =>
  topicsOf(text)
    .filter(({ weight }) => weight >= CLEAR)
    .map(({ department }) => department)

/** Where a ticket goes by its words. Anything that rules cannot answer goes to a person. */
export function classify(text: string): Route {
  const concern = concernOf(text.slice(0, READ_CHARS))
  if (concern !== undefined) return { to: 'person', confidence: 1, reason: concern }
  const [first, second] = topicsOf(text)
  if (!first || !second || first.weight === 0) return { to: 'person', confidence: 0, reason: 'no known word' }
  if (second.weight >= CLEAR && asksTwice(text)) {
    return { to: 'several', confidence: 0.9, reason: clearTopics(text).join(' and ') }
  }
  // Little evidence, and evidence for somebody else, both make it less sure.
  const confidence = first.weight / (first.weight + second.weight + 1)
  return {
    to: first.department,
    confidence,
    reason: `${first.weight} for it, ${second.weight} for ${second.department}`,
  }
}

/** Two questions, or a joining word between two long halves. */
const asksTwice = (text: string): boolean => {
  const sentences = text.split(/[.?!\n]+|\b(?:also|besides|secondly|second thing|and another)\b/i)
  return sentences.filter((sentence) => wordsOf(sentence).length >= 3).length >= 2
}
