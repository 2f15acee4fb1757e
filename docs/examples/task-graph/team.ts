/**
 * A task graph: a project is decomposed into builds and tests that depend on each other. What is ready runs
 * in parallel, the larger one first; what comes after something broken is not started. A project that waits
 * for itself is refused.
 */
import { agent, plan, type Agent, type Model, type PlanRequest, type Subtask } from 'troupe'
import { z } from 'zod'

/** What is to be built. */
export const Project = z.object({
  id: z.string(),
  parts: z.array(
    z.object({
      name: z.string(),
      /** Names of the parts that have to be tested before this one is built. */
      needs: z.array(z.string()).default([]),
      size: z.int().min(1),
      broken: z.boolean().default(false),
    }),
  ),
})

type Project = z.input<typeof Project>

const Part = Project.shape.parts.element
const Done = z.object({ what: z.string(), atMs: z.number() })

/** Ten milliseconds of work for each point of size. */
const workMs = (size: number): number => 10 * size

const build = agent('build', {
  input: Part,
  output: Done,
  run: async ({ name, size }, { sleep, now }) => {
    await sleep(workMs(size))
    return { what: `${name} built`, atMs: now() }
  },
})

const test = agent('test', {
  input: Part,
  output: Done,
  run: async ({ name, broken }, { sleep, now }) => {
    await sleep(workMs(1))
    if (broken) throw new Error(`${name} does not work`)
    return { what: `${name} tested`, atMs: now() }
  },
})

const workers = { build, test }
type Step = Subtask<typeof workers>

const Request = z.object({ goal: Project })

const decompose = agent('decompose', {
  input: Request,
  run: ({ goal }): Step[] =>
    goal.parts.flatMap((part): Step[] => [
      {
        id: `build ${part.name}`,
        to: 'build',
        input: part,
        after: part.needs.map((name) => `test ${name}`),
        complexity: part.size,
      },
      { id: `test ${part.name}`, to: 'test', input: part, after: [`build ${part.name}`] },
    ]),
})

const project = (planner: Agent<PlanRequest<Project>, Step[]>) =>
  plan('project', {
    planner,
    workers,
    width: 2,
    join: (done) => ({
      done: done
        .flatMap(({ outcome }) => (outcome.status === 'completed' ? [outcome.output] : []))
        .toSorted((a, b) => a.atMs - b.atMs)
        .map(({ what }) => what),
      broken: done.flatMap(({ id, outcome }) =>
        outcome.status === 'failed' ? [`${id}: ${outcome.error.message}`] : [],
      ),
      notStarted: done.flatMap(({ id, outcome }) => (outcome.status === 'cancelled' ? [id] : [])),
    }),
  })

/** The team. */
export default project(decompose)

/** The same with a model that decomposes. A plan that waits for itself is refused, whoever made it. */
export const withModel = (model: Model) =>
  project(
    agent('decompose', {
      model,
      instructions: [
        'Plan this project: for each part a subtask "build ...", and one "test ..." after it.',
        'A part is built after the tests of what it needs. The complexity is the size of the part.',
      ].join(' '),
      input: Request,
      output: z.array(
        z.object({
          id: z.string(),
          to: z.enum(['build', 'test']),
          input: z.object({ name: z.string(), size: z.int().min(1) }),
          after: z.array(z.string()),
          complexity: z.number(),
        }),
      ),
    }),
  )
