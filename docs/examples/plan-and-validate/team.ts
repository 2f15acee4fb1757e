/**
 * Plan and validate: a planner splits a trip into four bookings, each offer is checked against its share of
 * the money, what was too dear is planned again, plainer, and all that was booked becomes one itinerary.
 */
import { agent, plan, type Subtask } from 'troupe'
import { z } from 'zod'

/** A wish. */
export const Trip = z.object({
  id: z.string(),
  city: z.string(),
  days: z.int().min(1),
  eur: z.number().positive(),
})
/** A wish. */
export type Trip = z.output<typeof Trip>

const Booking = z.object({
  city: z.string(),
  days: z.int(),
  grade: z.enum(['good', 'plain']),
  mostEur: z.number(),
})
const Offer = z.object({ text: z.string(), eur: z.number(), mostEur: z.number() })

const desk = (
  name: string,
  prices: Readonly<Record<'good' | 'plain', readonly [what: string, eurADay: number]>>,
) =>
  agent(name, {
    input: Booking,
    output: Offer,
    run: ({ city, days, grade, mostEur }) => {
      const [what, eurADay] = prices[grade]
      return { text: `${what} in ${city}`, eur: eurADay * days, mostEur }
    },
  })

const workers = {
  travel: desk('travel', { good: ['taxis', 30], plain: ['buses', 8] }),
  stay: desk('stay', { good: ['a hotel', 120], plain: ['a hostel', 45] }),
  meals: desk('meals', { good: ['restaurants', 50], plain: ['markets', 20] }),
  sights: desk('sights', { good: ['guided tours', 25], plain: ['walks', 5] }),
}

type Step = Subtask<typeof workers>

/** Which part of the money each booking may take, in percent, and what has to be booked before it. */
const bookings: readonly { to: keyof typeof workers; percent: number; after: readonly string[] }[] = [
  { to: 'travel', percent: 20, after: [] },
  { to: 'stay', percent: 40, after: ['travel'] },
  { to: 'meals', percent: 25, after: ['stay'] },
  { to: 'sights', percent: 15, after: ['travel'] },
]

const planner = agent('planner', {
  input: z.object({
    goal: Trip,
    done: z.array(z.object({ id: z.string(), outcome: z.object({ status: z.string() }) })).readonly(),
  }),
  run: ({ goal: { city, days, eur }, done }): Step[] => {
    const ended = new Map(done.map(({ id, outcome }) => [id, outcome.status]))
    return bookings
      .filter(({ to }) => ended.get(to) !== 'completed')
      .map(({ to, percent, after }) => {
        const grade = ended.get(to) === 'failed' ? 'plain' : 'good'
        return { id: to, to, input: { city, days, grade, mostEur: (eur * percent) / 100 }, after }
      })
  },
})

/** The team. */
export default plan('trip', {
  planner,
  workers,
  rounds: 2,
  validate: ({ outcome }) => {
    if (outcome.status !== 'completed') return false
    const { text, eur, mostEur } = outcome.output
    return eur <= mostEur || `${text}: ${eur} EUR, where ${mostEur} are the most`
  },
  join: (done) => {
    const offers = done.flatMap(({ outcome }) => (outcome.status === 'completed' ? [outcome.output] : []))
    const booked = new Set(done.filter(({ outcome }) => outcome.status === 'completed').map(({ id }) => id))
    return {
      itinerary: offers.map(({ text }) => text),
      eur: offers.reduce((sum, { eur }) => sum + eur, 0),
      missing: bookings.map(({ to }) => to).filter((id) => !booked.has(id)),
    }
  },
})
