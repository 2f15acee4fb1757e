/** The command on an example, run from the sources over the sample beside it. */
import type { Result } from '../../src/cli/result.ts'
import { node } from '../tools.ts'

/** What `troupe run docs/examples/<name>/team.ts` ends with, and what it gives for each record. */
export const troupeRun = async (
  name: string,
  ...flags: readonly string[]
): Promise<{ code: number; results: readonly Result[] }> => {
  const team = `docs/examples/${name}/team.ts`
  const program = ['--import', './test/use-sources.ts', 'src/cli.ts', 'run', team, '--json', ...flags]
  const { code, stdout } = await node(program)
  const lines = stdout.trim().split('\n')
  return { code, results: lines.map((line) => JSON.parse(line) as Result) }
}
