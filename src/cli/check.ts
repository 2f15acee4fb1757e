/** `troupe check`: what is wrong with a team before it runs, and how many calls of models a run can lead to. */
import { keepDefinitionPlaces, definitionPlace } from '../contracts/definition-places.ts'
import { ConfigurationError } from '../contracts/errors.ts'
import { membersOf, type Member } from '../contracts/team-graph.ts'
import { findingsIn } from './checks/all.ts'
import type { Finding, Kind } from './checks/finding.ts'
import { inFigures, modelCallsOf, type ModelCalls } from './checks/model-calls.ts'
import { divertConsole } from './divert-console.ts'
import { streamOutput } from './output.ts'
import { placeOf } from './place.ts'
import { counted, exactly, oneLine } from './screen.ts'
import { standInModel } from './stand-in-model.ts'
import { loadTeam, type Team } from './team.ts'

/** The options of the command. */
export type CheckFlags = Readonly<{ agent?: string; withModel?: boolean; json?: boolean }>

/** A finding with where it is and how bad that is. */
export type Located = Finding &
  Readonly<{
    severity: 'error' | 'warning'
    /** The file where the agent is defined, with line and column where they are known. */
    file: string
    /** The name of the agent. */
    agent: string
  }>

/** What the command finds. */
export type Report = Readonly<{
  module: string
  agents: number
  findings: readonly Located[]
  /** Undefined for a team that cannot even be defined. */
  modelCalls: ModelCalls | undefined
}>

/**
 * Runs the command and gives its exit code: 1 when there is an error among the findings, else 0.
 * @throws UsageError rejects with it
 */
export async function check(module: string, flags: CheckFlags): Promise<number> {
  const { agent, withModel = false, json = false } = flags
  divertConsole((line) => process.stderr.write(`${line}\n`))
  keepDefinitionPlaces()
  const model = withModel ? standInModel : undefined
  const report = await reportOn(module, () => loadTeam(module, { agent, model }))
  const out = streamOutput(process.stdout)
  await out.write(json ? `${exactly(asJson(report))}\n` : reportInWords(report))
  return hasErrors(report) ? 1 : 0
}

/**
 * What is found about the team that is loaded.
 * @param module names the place of what has none
 * @throws what `load` throws, unless that is about how the team is defined
 */
export async function reportOn(module: string, load: () => Promise<Pick<Team, 'agent'>>): Promise<Report> {
  let team: Pick<Team, 'agent'>
  try {
    team = await load()
  } catch (thrown) {
    const error = thrown instanceof Error && thrown.cause ? thrown.cause : thrown
    if (!(error instanceof ConfigurationError)) throw thrown
    return { module, agents: 0, findings: [undefinable(module, error)], modelCalls: undefined }
  }
  const members = membersOf(team.agent)
  const findings = findingsIn(members).map(([member, finding]) => located(module, member, finding))
  return { module, agents: members.length, findings, modelCalls: modelCallsOf(members) }
}

/** Whether the team has to be mended. */
export const hasErrors = ({ findings }: Report): boolean =>
  findings.some(({ severity }) => severity === 'error')

const WARNINGS: ReadonlySet<Kind> = new Set(['same-name'])

const located = (module: string, { definition }: Member, finding: Finding): Located => ({
  severity: WARNINGS.has(finding.kind) ? 'warning' : 'error',
  file: placeOf(definitionPlace(definition)) ?? module,
  agent: definition.name,
  ...finding,
})

/** What a factory has refused. Its message begins with the agent's name, and ends with the way out if it tells one. */
const undefinable = (module: string, error: ConfigurationError): Located => {
  const [, agent = '', told = error.message] = /^(?:\w+ )?"([^"]*)":? ?(.*)$/s.exec(error.message) ?? []
  const [problem = told, wayOut = 'mend its options'] = told.split(/; (.*)/s)
  return {
    kind: 'invalid-definition',
    severity: 'error',
    file: placeOf(error) ?? module,
    agent,
    problem,
    wayOut,
  }
}

/** For people: a line for each finding; without errors what was counted, too. */
export const reportInWords = (report: Report): string => {
  const lines = report.findings.map(({ file, severity, agent, problem, wayOut }) =>
    oneLine(`${file}: ${severity}: "${agent}": ${problem}: ${wayOut}`, Infinity),
  )
  return [...lines, ...(hasErrors(report) ? [] : summaryOf(report))].map((line) => `${line}\n`).join('')
}

const summaryOf = ({ module, agents, findings, modelCalls }: Report): readonly string[] => {
  if (!modelCalls) return []
  const { most, how, notCounted } = modelCalls
  const team = `${counted(agents)} ${agents === 1 ? 'agent' : 'agents'}`
  const warnings = `${counted(findings.length)} ${findings.length === 1 ? 'warning' : 'warnings'}`
  const found = findings.length === 0 ? 'nothing to mend' : warnings
  return [
    `${module}: ${team}, ${found}, ${mostOf(most)} a run${most === Infinity ? UNTIL_CAPPED : ''}`,
    ...how.map((each) => `  ${oneLine(`${each.agent}: ${inFigures(each.most)} = ${each.how}`, Infinity)}`),
    ...(notCounted.length > 0 ? [`  ${oneLine(`${NOT_COUNTED}: ${notCounted.join(', ')}`, Infinity)}`] : []),
  ]
}

const NOT_COUNTED = 'not counted: what functions and machines call by themselves'
const UNTIL_CAPPED = ', unless its `budget` caps `calls`'

const mostOf = (most: number): string => {
  if (most === 0) return 'no model calls'
  if (most === Infinity) return 'unbounded model calls'
  return `at most ${counted(most)} model ${most === 1 ? 'call' : 'calls'}`
}

/** JSON has no infinity. */
const asJson = ({ modelCalls, ...report }: Report): object => ({
  ...report,
  ...(modelCalls && {
    modelCalls: {
      most: figure(modelCalls.most),
      how: modelCalls.how.map((each) => ({ ...each, most: figure(each.most) })),
      notCounted: modelCalls.notCounted,
    },
  }),
})

const figure = (most: number): number | 'unbounded' => (most === Infinity ? 'unbounded' : most)
