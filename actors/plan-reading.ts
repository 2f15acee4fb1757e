/** What a planner gave, read as a plan: its shape, and whether inputs fit their workers. Not its graph. */
import { z } from 'zod'
import type { PlanStep } from '../machines/plan-graph.ts'
import type { Fault } from '../src/contracts/errors.ts'
import { parseWith } from '../src/contracts/protocol.ts'
import { definitionOf } from './definition.ts'
import type { Branches } from './pattern.ts'

const Steps = z.array(
  z.object({
    id: z.string().min(1),
    to: z.string(),
    // What a worker does without is for the worker to say.
    input: z.unknown().optional(),
    after: z.array(z.string()).default([]),
    complexity: z.number().default(0),
  }),
)

/** The subtasks with their inputs parsed, and what is wrong with them. What is no plan at all has none. */
export const readPlan = (
  given: unknown,
  workers: Branches,
): { steps: readonly PlanStep[]; faults: readonly Fault[] } => {
  const read = Steps.safeParse(given)
  if (!read.success) {
    const faults = read.error.issues.map(({ path, message }) => ({
      path: path.map(String).join('.'),
      message,
    }))
    return { steps: [], faults }
  }
  const faults: Fault[] = []
  const steps = read.data.map((step, at): PlanStep => {
    const worker = Object.hasOwn(workers, step.to) ? workers[step.to] : undefined
    const schema = worker && definitionOf(worker).input
    const result = schema ? parseWith(schema, step.input) : { value: step.input }
    if ('value' in result) return { ...step, input: result.value }
    const root = `${String(at)}.input`
    for (const { path, message } of result.faults) {
      faults.push({ path: path === '' ? root : `${root}.${path}`, message })
    }
    return { ...step, input: undefined }
  })
  return { steps, faults }
}
