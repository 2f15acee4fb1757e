/**
 * A support desk. `triage` reads a ticket and hands it to the specialist for it, to `several` when it is about more than
 * one thing, or to a person. Below a confidence of 0.7 it asks for a second opinion. Nothing here needs a network.
 */
import { agent, router, type Agent, type Model } from 'troupe'
import { clearTopics } from './classify.ts'
import { Answer, Ticket } from './desk.ts'
import { frontDesk } from './front-desk.ts'
import { byModel, byWords, opinions, type Reader } from './opinions.ts'
import { specialist, type Setup } from './specialist.ts'
import { crashes, fails, hangs, killsAfter } from './troubles.ts'

/** How each specialist is set up. `concurrency`: tickets at once, the rest waits. */
interface Desk {
  readonly billing: Setup
  readonly technical: Setup
  readonly sales: Setup
  readonly account: Setup
  readonly concurrency: number
  /** Default: the words. */
  readonly by?: Reader
}

const supportDesk = ({ concurrency, by = byWords, ...setup }: Desk): Agent<Ticket, Answer> => {
  const billing = specialist('billing', 'Invoices, payments, refunds', setup.billing)
  const technical = specialist('technical', 'What does not work as it should', setup.technical)
  const sales = specialist('sales', 'Plans, prices, trials, offers', setup.sales)
  const account = specialist('account', 'Signing in, people, roles', setup.account)
  const specialists = { billing, technical, sales, account }

  const several = agent('several', {
    description: 'Tickets about more than one thing: asks each specialist and joins what they say',
    input: Ticket,
    output: Answer,
    fallback: frontDesk,
    run: async (ticket, ctx) => {
      const parts = await Promise.all(
        clearTopics(ticket.text).map((topic) => ctx.ask(specialists[topic], ticket)),
      )
      const receipt = parts.find((part) => part.receipt !== undefined)?.receipt
      return {
        answer: parts.map(({ answer }) => answer).join('\n\n'),
        by: 'several',
        sources: parts.flatMap(({ sources }) => sources),
        ...(receipt !== undefined && { receipt }),
      }
    },
  })
  const secondOpinion = router('second-opinion', {
    by: opinions,
    to: { ...specialists, person: frontDesk },
    minConfidence: 0.6,
    otherwise: frontDesk,
  })
  return router('triage', {
    by,
    to: { ...specialists, several, person: frontDesk },
    minConfidence: 0.7,
    otherwise: secondOpinion,
    // Whatever breaks on the way.
    fallback: frontDesk,
    concurrency,
  })
}

const calm: Setup = { timeoutMs: 5_000, attempts: 2, failures: 5, openMs: 5_000, thinkMs: 0 }
const quiet: Desk = { billing: calm, technical: calm, sales: calm, account: calm, concurrency: 1_000 }
export default supportDesk(quiet)

/** The same with a model that reads the tickets. What is answered is in the articles, and in no model. */
export const withModel = (model: Model) => supportDesk({ ...quiet, by: byModel(model) })

// Slow enough to be watched.
const busy: Setup = { timeoutMs: 300, attempts: 2, failures: 3, openMs: 250, thinkMs: 100 }

/** What `--faults` runs: one specialist hangs, one has a bug, one fails thrice. */
export const faults = supportDesk({
  billing: busy,
  technical: { ...busy, failures: 2, trouble: hangs(4) },
  sales: { ...busy, trouble: fails(3), attempts: 4, failures: 5 },
  account: { ...busy, trouble: crashes(2) },
  concurrency: 4,
})

/** What `--faults` does besides: kills an actor in the middle of its work. */
export const sabotage = killsAfter('account', 5)
