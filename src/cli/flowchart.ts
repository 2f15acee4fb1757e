/**
 * Draws a team as a Mermaid `flowchart`, in the part of the language that GitHub and Mermaid 11 and 12 all draw alike.
 * What may never happen in a run (a fallback, what is sent back) is dotted.
 */
import type { AgentNode, Bounds, TeamEdge, TeamGraph, ToolNode } from '../contracts/team-graph.ts'

/** The text of the diagram; the same for the same team. */
export const flowchart = ({ agents, edges, root }: TeamGraph): string => {
  // Names may be words of the language.
  const ids = new Map(agents.map(({ id }, at) => [id, `a${at + 1}`]))
  return [
    'flowchart LR',
    `  start(( )) --> ${ids.get(root)}`,
    ...agents.map((agent) => `  ${ids.get(agent.id)}${boxOf(agent)}`),
    ...arrows(edges, ids).map((arrow) => `  ${arrow}`),
  ].join('\n')
}

const boxOf = (agent: AgentNode): string => {
  const label = [agent.name, whatItIs(agent), ...details(agent)].map(escaped).join('<br/>')
  switch (agent.kind) {
    case 'function':
    case 'machine':
    case 'model':
      return `["${label}"]`
    case 'human':
      return `(["${label}"])`
    default:
      return `{{"${label}"}}`
  }
}

const whatItIs = ({ kind, model }: AgentNode): string =>
  model === undefined || kind === 'model' ? (model ?? kind) : `${kind}, ${model}`

const details = ({ bounds, tools = [], servers = [], people }: AgentNode): readonly string[] => [
  ...(people && people.by.length > 0 ? [`by ${people.by.join(', ')}`] : []),
  ...(people && people.of > 1 ? [`${people.of} of them`] : []),
  ...(Object.keys(bounds).length > 0 ? [boundsText(bounds)] : []),
  ...tools.map(toolText),
  ...servers.map((server) => `tools of ${server}`),
]

const boundsText = (bounds: Bounds): string =>
  Object.entries(bounds)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')

const toolText = ({ name, effect, approval }: ToolNode): string =>
  `tool ${name}: ${effect}${approval ? ', asks people' : ''}`

/** One arrow for all that leads from here to there in the same manner. */
const arrows = (edges: readonly TeamEdge[], ids: ReadonlyMap<string, string>): readonly string[] => {
  const labels = new Map<string, string[]>()
  for (const edge of edges) {
    const arrow = `${ids.get(edge.from)} ${isRare(edge) ? '-.->' : '-->'}|"?"| ${ids.get(edge.to)}`
    labels.set(arrow, [...(labels.get(arrow) ?? []), escaped(labelOf(edge))])
  }
  return [...labels].map(([arrow, lines]) => arrow.replace('?', () => lines.join('<br/>')))
}

const isRare = ({ role }: TeamEdge): boolean =>
  role === 'fallback' || role === 'otherwise' || role === 'revision'

const labelOf = ({ role, key, to, bounds }: TeamEdge): string => {
  if (role === 'revision') return `sent back, at most ${bounds?.['max']} times`
  const word = role === 'target' ? 'to' : role
  return key === undefined || key === to ? word : `${word} ${key}`
}

/** What may mean something in a diagram becomes its code. */
const escaped = (text: string): string =>
  text.replaceAll(/[^\p{L}\p{N} .,:_()/+-]/gu, (char) => `#${char.codePointAt(0)};`)
