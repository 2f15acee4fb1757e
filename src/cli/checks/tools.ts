/** Whether a model can cope with its tools, and a crash with what they do. */
import { listed, type Check, type Finding } from './finding.ts'

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
    ...undeclared(tools.filter(({ isDeclared }) => !isDeclared).map(({ name }) => name)),
  ]
}

/** All of them at once: they are mended in one place. */
const undeclared = (names: readonly string[]): readonly Finding[] => {
  const [name] = names
  if (name === undefined) return []
  const [who, does, whom] =
    names.length === 1
      ? [`tool "${name}" does`, 'it does when a crash loses its result', `"${name}"`]
      : [`tools ${listed(names)} do`, 'they do when a crash loses their results', 'each of them']
  return [
    {
      kind: 'undeclared-effect',
      problem: `its ${who} not say what ${does}`,
      wayOut: `give ${whom} \`effect\`: 'idempotent' or 'keyed' when it may be run again, else 'once'`,
    },
  ]
}
