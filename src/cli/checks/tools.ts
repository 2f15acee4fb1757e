/** Whether a model can cope with its tools, and a crash with what they do. */
import type { Check } from './finding.ts'

/** Beyond it models choose badly. */
const MOST_TOOLS = 8

/** Of every agent with a model. */
export const checkTools: Check = ({ definition: { turns } }) => {
  const tools = turns?.tools ?? []
  return [
    ...(tools.length > MOST_TOOLS
      ? [
          {
            kind: 'too-many-tools' as const,
            problem: `its model has ${tools.length} tools, and chooses badly among more than ${MOST_TOOLS}`,
            wayOut: 'divide them among several agents, and let a router or an orchestrator choose',
          },
        ]
      : []),
    ...tools
      .filter(({ isDeclared }) => !isDeclared)
      .map(({ name }) => ({
        kind: 'undeclared-effect' as const,
        problem: `its tool "${name}" does not say what it does when a crash loses its result`,
        wayOut: `give "${name}" \`effect\`: 'idempotent' or 'keyed' when it may be run again, else 'once'`,
      })),
  ]
}
