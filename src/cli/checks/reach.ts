/** Whether everybody can be turned to: what no decision, no deadline and no capability ever leads to is of no use. */
import type { AnyAgent } from '../../contracts/agents.ts'
import type { AgentDefinition } from '../../contracts/agent-definition.ts'
import { membersOf } from '../../contracts/team-graph.ts'
import { definitionOf, inRole, listed, type Check, type Finding } from './finding.ts'

/** Of tools, people, bidders and members. */
export const checkReach: Check = ({ definition }) => {
  const { shape, turns } = definition
  const tools = turns?.maxTurns === 1 ? turns.tools : []
  if (tools.length > 0) return [neverCalled(tools.map(({ name }) => name))]
  if (shape.kind === 'human' && shape.timeoutMs === Infinity) return neverEscalated(definition)
  if (shape.kind === 'auction' && shape.byCapability) return neverCalledForBids(definition)
  return shape.kind === 'peers' ? neverHelps(definition) : []
}

const neverCalled = (names: readonly string[]): Finding => ({
  kind: 'unreachable-agent',
  problem: `${listed(names)} can never be called, since \`maxTurns\` is 1 and a result needs another turn`,
  wayOut: 'raise `maxTurns` to 2 at least, or take the tools out',
})

const neverEscalated = (defined: AgentDefinition): readonly Finding[] =>
  [...inRole(defined, 'otherwise').values()].map(({ name }) => ({
    kind: 'unreachable-agent' as const,
    problem: `"${name}" is never reached, since people have for ever to answer`,
    wayOut: 'give `timeoutMs`, or take `otherwise` out',
  }))

const neverCalledForBids = (defined: AgentDefinition): readonly Finding[] =>
  [...inRole(defined, 'bidder').values()].filter(canNothing).map(({ name }) => ({
    kind: 'unreachable-agent' as const,
    problem: `"${name}" is never called for bids, since tasks need a capability and it has none`,
    wayOut: `give "${name}" its \`capabilities\`, or take \`capability\` out of the auction`,
  }))

const canNothing = (agent: AnyAgent): boolean => definitionOf(agent).capabilities.length === 0

const neverHelps = (defined: AgentDefinition): readonly Finding[] => {
  const members = defined.parts.filter(({ role }) => role === 'member').map(({ agent }) => agent)
  const [lead] = inRole(defined, 'lead').values()
  if (lead && !membersOf(lead).some((member) => canAskForHelp(member.definition))) {
    const names = listed(members.map(({ name }) => name))
    const why = `only a function can call \`ctx.help\`, and "${lead.name}" has none`
    return [
      {
        kind: 'unreachable-agent',
        problem: `${names} can never be asked for help, since ${why}`,
        wayOut: 'give the lead a `run` that asks for help, or make the members its tools',
      },
    ]
  }
  return members.filter(canNothing).map(({ name }) => ({
    kind: 'unreachable-agent' as const,
    problem: `"${name}" can never be asked for help, since it has no capabilities`,
    wayOut: `give "${name}" its \`capabilities\`, or take it out of \`members\``,
  }))
}

const canAskForHelp = ({ shape, turns, listen }: AgentDefinition): boolean =>
  shape.kind === 'function' || (shape.kind === 'orchestrator' && !turns) || listen !== undefined
