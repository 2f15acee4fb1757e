/**
 * Plan and validate: a planner splits a trip into four bookings, each offer is checked against its share of
 * the money, what was too dear is planned again, plainer, and all that was booked becomes one itinerary.
 */
import { agent, plan, type Agent, type Model, type PlanRequest, type Subtask } from 'troupe'
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

const Request = z.object({
  goal: Trip,
  done: z.array(z.object({ id: z.string(), outcome: z.object({ status: z.string() }) })).readonly(),
})

const byShares = agent('planner', {
  input: Request,
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

const trip = (planner: Agent<PlanRequest<Trip>, Step[]>) =>
  plan('trip', {
    planner,
    workers,
    rounds: 2,
    // A planner may be mistaken about what can be carried out.
    retry: { attempts: 2, minMs: 0, when: ({ code }) => code === 'INVALID_PLAN' },
    validate: ({ outcome }) => {
      if (outcome.status !== 'completed') return false
      const { text, eur, mostEur } = outcome.output
      return eur <= mostEur || `${text}: ${eur} EUR, where ${mostEur} are the most`
    },
    join: (done) => {
      const offers = done.flatMap(({ outcome }) => (outcome.status === 'completed' ? [outcome.output] : []))
      const booked = new Set(done.flatMap(({ to, outcome }) => (outcome.status === 'completed' ? [to] : [])))
      return {
        itinerary: offers.map(({ text }) => text),
        eur: offers.reduce((sum, { eur }) => sum + eur, 0),
        missing: bookings.map(({ to }) => to).filter((to) => !booked.has(to)),
      }
    },
  })

/** The team. */
export default trip(byShares)

/** The same with a model that plans. What it books, and what is too dear, is checked as ever. */
export const withModel = (model: Model) =>
  trip(
    agent('planner', {
      model,
      instructions: [
        'Plan a trip: one booking each of travel, stay, meals and sights, which is its id too, for all days.',
        'Divide the money, and say what has to be booked before. What has failed is booked again, plain.',
      ].join(' '),
      input: Request,
      output: z.array(
        z.object({
          id: z.string(),
          to: z.enum(['travel', 'stay', 'meals', 'sights']),
          input: Booking,
          after: z.array(z.string()),
        }),
      ),
    }),
  )
