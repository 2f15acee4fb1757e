/** A specialist: looks a ticket up in the articles of one department. */
import { agent, type Agent } from 'troupe'
import { Answer, Ticket, type Department } from './desk.ts'
import { frontDesk } from './front-desk.ts'
import { search } from './knowledge.ts'
import type { Trouble } from './troubles.ts'

// Below it the best article has once been about something else.
const KNOWN = 0.3

/** How a specialist is set up. */
export interface Setup {
  readonly timeoutMs: number
  readonly attempts: number
  /** In a row, open its circuit. */
  readonly failures: number
  readonly openMs: number
  /** How long it thinks. */
  readonly thinkMs: number
  readonly trouble?: Trouble
}

/** The specialist of a department. What its articles do not say, the front desk answers. */
export const specialist = (
  department: Department,
  description: string,
  { timeoutMs, attempts, failures, openMs, thinkMs, trouble }: Setup,
): Agent<Ticket, Answer> =>
  agent(department, {
    description,
    input: Ticket,
    output: Answer,
    timeoutMs,
    retry: { attempts, minMs: 50, maxMs: 400 },
    circuit: { failures, openMs },
    fallback: frontDesk,
    run: async (ticket, ctx) => {
      await trouble?.(ctx)
      if (thinkMs > 0) await ctx.sleep(thinkMs)
      const [best] = search(ticket.text, department)
      if (!best || best.fit < KNOWN) return ctx.ask(frontDesk, ticket)
      return { answer: best.text, by: department, sources: [best.title] }
    },
  })
