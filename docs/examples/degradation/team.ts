/**
 * Degradation: an analyst reads all figures, but may take too long. Then a backup does it in a quicker way, which needs every
 * figure. Where one is missing the task is made simpler: the last three will do. If they do not, a person answers.
 */
import { agent, human, ProviderError, type Agent, type Model } from 'troupe'
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

/** How the analyst works: within its time, and with the backup behind it. */
type Hire = (common: { timeoutMs: number; fallback: Agent<Sales, Trend> }) => Agent<Sales, Trend>

const monthByMonth: Hire = (given) =>
  agent('analyst', {
    ...common,
    ...given,
    description: 'Reads month by month',
    run: async ({ figures }, { sleep }) => {
      await sleep(figures.length * MONTH_MS)
      return { trend: trendOf(known(figures)), by: 'analyst' }
    },
  })

/** The team, with another person or another analyst where wanted. */
export const forecast = (
  person: Agent<Sales, Trend> = clerk,
  hire: Hire = monthByMonth,
): Agent<Sales, Trend> => {
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
  return hire({ timeoutMs: 5 * MONTH_MS, fallback: backup })
}

export default forecast()

/** The same with a model as the analyst. It has half a minute; one that is down or slow is stood in for. */
export const withModel = (model: Model): Agent<Sales, Trend> =>
  forecast(clerk, ({ fallback }) =>
    agent('analyst', {
      ...common,
      model,
      instructions: 'Say where these monthly sales go, the latest last. Give "analyst" as `by`.',
      timeoutMs: 30_000,
      fallback,
    }),
  )
