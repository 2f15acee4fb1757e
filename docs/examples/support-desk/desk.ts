/** What the desk takes and gives, and the departments that it has. */
import { z } from 'zod'

/** A customer's message. Other fields of a record are dropped. */
export const Ticket = z.object({
  id: z.union([z.string(), z.number()]).optional(),
  text: z.string(),
})
/** A customer's message. */
export type Ticket = z.output<typeof Ticket>

/** What the customer gets. Never holds the customer's own words: what came as markup is not sent back as markup. */
export const Answer = z.object({
  answer: z.string().min(1),
  /** Who gave it. */
  by: z.string(),
  /** Titles of the articles that it rests on. */
  sources: z.array(z.string()),
  /** Of an escalation. */
  receipt: z.string().optional(),
})
/** What the customer gets. */
export type Answer = z.output<typeof Answer>

/** The departments, in the order that decides ties. */
export const departments = ['billing', 'technical', 'sales', 'account'] as const
/** One of the departments. */
export type Department = (typeof departments)[number]

/** Customers write novels; the point is in the first page. In characters. */
export const READ_CHARS = 2_000
