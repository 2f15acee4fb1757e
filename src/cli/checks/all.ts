/** All checks of a team, one line each. */
import type { Member } from '../../contracts/team-graph.ts'
import { checkBounds } from './bounds.ts'
import { checkContracts } from './contracts.ts'
import type { Check, Finding } from './finding.ts'
import { checkJoins } from './joins.ts'
import { checkReach } from './reach.ts'
import { checkTargets } from './targets.ts'
import { checkTools } from './tools.ts'

const checks: readonly Check[] = [
  checkTargets,
  checkReach,
  checkBounds,
  checkJoins,
  checkContracts,
  checkTools,
]

/** What is found about each agent, in the order of the agents. */
export const findingsIn = (members: readonly Member[]): readonly (readonly [Member, Finding])[] =>
  members.flatMap((member) => {
    const found = checks.flatMap((check) => check(member))
    return [...found, ...namesakes(member)].map((finding) => [member, finding] as const)
  })

/** Not the same agent twice: two of one name. */
const namesakes = ({ id, definition: { name } }: Member): readonly Finding[] =>
  id === name
    ? []
    : [
        {
          kind: 'same-name',
          problem: 'another agent of the team has the same name, and reports cannot tell them apart',
          wayOut: 'give each a name of its own',
        },
      ]
