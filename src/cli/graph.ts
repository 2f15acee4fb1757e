/** `troupe graph`: shows a team, its agents and who works for whom. */
import { teamGraph } from '../contracts/team-graph.ts'
import { divertConsole } from './divert-console.ts'
import { flowchart } from './flowchart.ts'
import { streamOutput } from './output.ts'
import { standInModel } from './stand-in-model.ts'
import { loadTeam } from './team.ts'

/** The options of the command. */
export type GraphFlags = Readonly<{ agent?: string; withModel?: boolean; format: 'mermaid' | 'json' }>

/**
 * Runs the command and gives its exit code.
 * @throws UsageError rejects with it
 */
export async function graph(module: string, flags: GraphFlags): Promise<number> {
  const { agent, withModel = false, format } = flags
  divertConsole((line) => process.stderr.write(`${line}\n`))
  const team = await loadTeam(module, { agent, model: withModel ? standInModel : undefined })
  const shown = teamGraph(team.agent)
  const text = format === 'json' ? JSON.stringify(shown, undefined, 2) : flowchart(shown)
  await streamOutput(process.stdout).write(`${text}\n`)
  return 0
}
