/** Whether those that are named exist, and those that exist can be named. */
import type { AnyAgent } from '../../contracts/agents.ts'
import type { AgentDefinition } from '../../contracts/agent-definition.ts'
import { decisionsIn, decisionsInLists, type Decisions } from './decisions.ts'
import { inRole, type Check, type Finding } from './finding.ts'
import { outputsOf } from './sides.ts'

/** Of a router, a plan and an arbiter. */
export const checkTargets: Check = ({ definition }) => {
  switch (definition.shape.kind) {
    case 'router':
      return inRouter(definition, definition.shape.minConfidence)
    case 'plan':
      return inPlan(definition)
    case 'arbiter':
      return inArbiter(definition)
    default:
      return []
  }
}

const inRouter = (defined: AgentDefinition, minConfidence: number): readonly Finding[] => {
  const [by] = inRole(defined, 'by').values()
  const decisions = by && decisionsIn(outputsOf(by))
  if (!by || !decisions) return []
  const targets = inRole(defined, 'target')
  const [otherwise] = inRole(defined, 'otherwise').values()
  const missing = missingIn(decisions, targets)
  return [
    ...(otherwise ? [] : missing.map((name) => noTarget(by, name))),
    ...(otherwise || !decisions.open ? [] : [openWithoutOtherwise(by)]),
    ...unreached(decisions, targets).map(([key, agent]) => neverNamed(by, key, agent)),
    ...(otherwise && missing.length === 0 && !decisions.open && isSure(decisions, minConfidence)
      ? [neverOtherwise(by, otherwise)]
      : []),
    ...(decisions.mostConfidence < minConfidence
      ? [neverSure(by, decisions.mostConfidence, minConfidence)]
      : []),
  ]
}

/** Whether no decision can be below the least confidence. */
const isSure = ({ neverUnsure }: Decisions, minConfidence: number): boolean =>
  minConfidence <= 0 || neverUnsure

const inPlan = (defined: AgentDefinition): readonly Finding[] => {
  const [planner] = inRole(defined, 'planner').values()
  const decisions = planner && decisionsInLists(outputsOf(planner))
  if (!planner || !decisions) return []
  const workers = inRole(defined, 'worker')
  return [
    ...missingIn(decisions, workers).map((name) => ({
      kind: 'missing-target' as const,
      problem: `"${planner.name}" can plan for "${name}", which is no worker, and such a plan is refused`,
      wayOut: `add \`${name}\` to \`workers\`, or take it out of the output of "${planner.name}"`,
    })),
    ...unreached(decisions, workers).map(([key, agent]) => neverNamed(planner, key, agent)),
  ]
}

const inArbiter = (defined: AgentDefinition): readonly Finding[] => {
  const [judge] = inRole(defined, 'resolve').values()
  const decisions = judge && decisionsIn(outputsOf(judge))
  if (!judge || !decisions) return []
  return missingIn(decisions, inRole(defined, 'branch')).map((name) => ({
    kind: 'missing-target' as const,
    problem: `"${judge.name}" can name "${name}" as the winner, which is no branch`,
    wayOut: `take "${name}" out of the output of "${judge.name}", or add such a branch`,
  }))
}

type Agents = ReadonlyMap<string, AnyAgent>

const missingIn = ({ names }: Decisions, agents: Agents): readonly string[] =>
  [...names].filter((name) => !agents.has(name))

const unreached = ({ names, open }: Decisions, agents: Agents): readonly [string, AnyAgent][] =>
  open ? [] : [...agents].filter(([key]) => !names.has(key))

const noTarget = (by: AnyAgent, name: string): Finding => ({
  kind: 'missing-target',
  problem: `"${by.name}" can name "${name}", for which there is no target`,
  wayOut: `add \`${name}\` to \`to\`, or give \`otherwise\``,
})

const openWithoutOtherwise = (by: AnyAgent): Finding => ({
  kind: 'missing-target',
  problem: `"${by.name}" can name anything, and there is no way for a name that is no target`,
  wayOut: `give \`otherwise\`, or list the names in the output of "${by.name}" by z.enum`,
})

const neverNamed = (by: AnyAgent, key: string, agent: AnyAgent): Finding => ({
  kind: 'unreachable-agent',
  problem: `"${agent.name}" is never reached, since "${by.name}" cannot name "${key}"`,
  wayOut: `add "${key}" to the output of "${by.name}", or take \`${key}\` out`,
})

const neverOtherwise = (by: AnyAgent, otherwise: AnyAgent): Finding => ({
  kind: 'unreachable-agent',
  problem: `"${otherwise.name}" is never reached, since all that "${by.name}" can name is a target`,
  wayOut: 'take `otherwise` out, or give `minConfidence` and a confidence with each decision',
})

const neverSure = ({ name }: AnyAgent, most: number, least: number): Finding => ({
  kind: 'unreachable-agent',
  problem: `no target is reached: "${name}" is never surer than ${most}, and \`minConfidence\` is ${least}`,
  wayOut: `lower \`minConfidence\` to ${most} at most`,
})
