/**
 * Expense processing: three agents look at an expense side by side. One finds the category, one the department that pays,
 * one what is odd about it. What they say is put together; with an anomaly, or without one of them, a person looks at it.
 */
import { agent, DeniedError, parallel, type Agent, type Model, type Outcome } from 'troupe'
import { z } from 'zod'

/** What somebody hands in. */
export const Expense = z.object({
  id: z.string(),
  employee: z.string(),
  what: z.string(),
  eur: z.number().positive(),
})
/** What somebody hands in. */
export type Expense = z.output<typeof Expense>

/** How long each of them takes, as a model would. */
export const THINK_MS = 800

const thinking = <T>(name: string, description: string, find: (expense: Expense) => T) =>
  agent(name, {
    description,
    input: Expense,
    run: async (expense, { sleep }) => {
      await sleep(THINK_MS)
      return find(expense)
    },
  })

const CATEGORIES = { travel: /train|flight|taxi|hotel/i, meals: /lunch|dinner|coffee/i, office: /./ } as const
type Category = keyof typeof CATEGORIES
const USUAL_EUR: Readonly<Record<Category, number>> = { travel: 600, meals: 80, office: 200 }
const DEPARTMENTS: Readonly<Record<string, string>> = { ann: 'sales', bob: 'sales', eve: 'engineering' }

const categoryOf = ({ what }: Expense): Category =>
  (Object.keys(CATEGORIES) as Category[]).find((name) => CATEGORIES[name].test(what)) ?? 'office'

const category = thinking('category', 'What kind of expense is it?', categoryOf)

const department = thinking('department', 'Who pays for it?', ({ employee }) => {
  const found = DEPARTMENTS[employee]
  if (found === undefined) throw new DeniedError(`"${employee}" is in no department`)
  return found
})

const anomaly = thinking('anomaly', 'What is odd about it?', (expense): string[] => {
  const most = USUAL_EUR[categoryOf(expense)]
  return expense.eur > most ? [`${expense.eur} EUR, where ${most} are usual`] : []
})

const missing = (of: string, outcome: Outcome): string[] =>
  outcome.status === 'completed'
    ? []
    : [`no ${of}: ${'error' in outcome ? outcome.error.message : outcome.status}`]

type Team = { category: Agent<Expense, Category>; anomaly: Agent<Expense, string[]> }

/** The team, with others in it where wanted. */
export const expenses = (team: Partial<Team> = {}) =>
  parallel('expenses', {
    branches: { category, department, anomaly, ...team },
    join: (found) => {
      const doubts = [
        ...(found.anomaly.status === 'completed' ? found.anomaly.output : []),
        ...Object.entries(found).flatMap(([of, outcome]) => missing(of, outcome)),
      ]
      return {
        category: found.category.status === 'completed' ? found.category.output : undefined,
        department: found.department.status === 'completed' ? found.department.output : undefined,
        next: doubts.length === 0 ? ('book' as const) : ('review' as const),
        doubts,
      }
    },
  })

export default expenses()

/** The same with a model for category and anomalies. Who pays is in the books, not in a model. */
export const withModel = (model: Model) =>
  expenses({
    category: agent('category', {
      model,
      instructions: 'What kind of expense is it?',
      input: Expense,
      output: z.enum(['travel', 'meals', 'office']),
    }),
    anomaly: agent('anomaly', {
      model,
      instructions: `List what is odd about it, if anything. Usual are, in EUR, ${JSON.stringify(USUAL_EUR)}`,
      input: Expense,
      output: z.array(z.string()),
    }),
  })
