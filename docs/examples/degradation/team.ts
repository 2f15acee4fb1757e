/**
 * Degradation: an analyst reads all figures, but may take too long. Then a backup does it in a quicker way, which needs every
 * figure. Where one is missing the task is made simpler: the last three will do. If they do not, a person answers.
 */
import { agent, human, ProviderError, type Agent } from 'troupe'
import { z } from 'zod'

/** Sales of the last months, the latest one last. `null`: not known. */
export const Sales = z.object({ id: z.string(), figures: z.array(z.number().nullable()).min(3) })
/** Sales of the last months. */
export type Sales = z.output<typeof Sales>

/** What they mean, and who says so. */
export const Trend = z.object({ trend: z.enum(['up', 'down', 'unclear']), by: z.string() })
/** What they mean, and who says so. */
export type Trend = z.output<typeof Trend>

const MONTH_MS = 100

const known = (figures: Sales['figures']): number[] => figures.filter((figure) => figure !== null)

const complete = (figures: Sales['figures']): number[] => {
  if (figures.includes(null)) {
    throw new ProviderError('a figure is missing', { code: 'BAD_REQUEST', retryable: false })
  }
  return known(figures)
}

const trendOf = (figures: readonly number[]): Trend['trend'] => {
  const [first = 0, last = 0] = [figures.at(0), figures.at(-1)]
  return last > first ? 'up' : last < first ? 'down' : 'unclear'
}

// Months without a figure are of the task, not of the agent: they do not open its circuit.
const common = { input: Sales, output: Trend, circuit: { counts: () => false } }

/** Without `answer`, a stand-in, the question would wait in the system's inbox. */
const clerk = human('clerk', {
  input: Sales,
  output: Trend,
  answer: (): Trend => ({ trend: 'unclear', by: 'clerk' }),
})

/** The team, with another person where wanted. */
export const forecast = (person: Agent<Sales, Trend> = clerk): Agent<Sales, Trend> => {
  const simplified = agent('simplified', {
    ...common,
    description: 'A simpler task: the last three months only',
    fallback: person,
    run: ({ figures }) => ({ trend: trendOf(complete(figures.slice(-3))), by: 'simplified' }),
  })
  const backup = agent('backup', {
    ...common,
    description: 'Reads all months at once, if they are complete',
    fallback: simplified,
    run: ({ figures }) => ({ trend: trendOf(complete(figures)), by: 'backup' }),
  })
  return agent('analyst', {
    ...common,
    description: 'Reads month by month',
    timeoutMs: 5 * MONTH_MS,
    fallback: backup,
    run: async ({ figures }, { sleep }) => {
      await sleep(figures.length * MONTH_MS)
      return { trend: trendOf(known(figures)), by: 'analyst' }
    },
  })
}

export default forecast()
