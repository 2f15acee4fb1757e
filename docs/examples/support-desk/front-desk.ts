/** The end of the road: people. Here, offline, what stands in for them files the ticket and gives a receipt. */
import { createHash } from 'node:crypto'
import { human } from 'troupe'
import { Answer, Ticket } from './desk.ts'
import { concernOf, type Concern } from './words.ts'

const REPLIES: Readonly<Record<Concern, string>> = {
  empty: 'Your message arrived without a text. Write to us again, and name the receipt if you like.',
  hostile: 'A colleague looks at your message by hand and answers today.',
  foreign: 'A colleague who reads your language answers within a working day.',
  angry: 'We are sorry. A colleague calls you today.',
}

/** The same ticket, filed again, has the same receipt. */
const receiptFor = ({ id = '', text }: Ticket): string =>
  `FD-${createHash('sha256').update(`${id}\n${text}`).digest('hex').slice(0, 8)}`

/** The front desk. Without `answer` it would wait in the inbox of the system for a person. */
export const frontDesk = human('front-desk', {
  description: 'People, for what nobody else can answer',
  input: Ticket,
  output: Answer,
  answer: (ticket) => {
    const receipt = receiptFor(ticket)
    const concern = concernOf(ticket.text)
    const reply = concern
      ? REPLIES[concern]
      : 'A colleague reads your message and answers within a working day.'
    return { answer: `${reply} Receipt ${receipt}.`, by: 'front-desk', sources: [], receipt }
  },
})
