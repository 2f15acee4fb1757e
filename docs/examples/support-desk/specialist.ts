/** A specialist: looks a ticket up in the articles of one department. */
import { agent, type Agent } from 'troupe'
import { Answer, Ticket, type Department } from './desk.ts'
import { frontDesk } from './front-desk.ts'
import { search } from './knowledge.ts'
import type { Trouble } from './troubles.ts'

// Below it the best article has once been about something else.
const KNOWN = 0.3

/** How the specialists are set up. `work` is called before each answer. */
export interface Setup {
  readonly timeoutMs: number
  readonly attempts: number
  readonly openMs: number
  readonly work?: Trouble
}

/** The specialist of a department. What its articles do not say, the front desk answers. */
export const specialist = (
  department: Department,
  description: string,
  { timeoutMs, attempts, openMs, work }: Setup,
): Agent<Ticket, Answer> =>
  agent(department, {
    description,
    input: Ticket,
    output: Answer,
    timeoutMs,
    retry: { attempts, minMs: 50, maxMs: 400 },
    circuit: { failures: 3, openMs },
    fallback: frontDesk,
    run: async (ticket, ctx) => {
      await work?.(ctx)
      const [best] = search(ticket.text, department)
      if (!best || best.fit < KNOWN) return ctx.ask(frontDesk, ticket)
      return { answer: best.text, by: department, sources: [best.title] }
    },
  })
