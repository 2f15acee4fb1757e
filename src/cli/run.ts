/** `troupe run`: an agent over every record of an input. Puts the pieces beside this file together. */
import type { AnyAgent } from '../contracts/agents.ts'
import { CancelledError } from '../contracts/errors.ts'
import type { Logger } from '../contracts/ports.ts'
import type { System, SystemOptions } from '../contracts/system.ts'
import { decideApprovals } from './approvals.ts'
import { attend } from './attend.ts'
import { batch, type Batch } from './batch.ts'
import { deliver, failureOf, noDelivery } from './deliver.ts'
import { divertConsole } from './divert-console.ts'
import { exitCode, leftOver, type Ending } from './ending.ts'
import { openInput, type Input } from './input.ts'
import { lineLogger, silentLogger } from './logger.ts'
import { modelOf, type ModelFlags, type Providers } from './model.ts'
import { fileOutput, isBrokenPipe, type Output } from './output.ts'
import { messageOf } from './place.ts'
import { agentSummary, type Summary } from './summary.ts'
import { agentsOf, definitionOf, loadTeam, type Team } from './team.ts'
import { terminal, type Terminal } from './terminal.ts'
import { UsageError } from './usage-error.ts'

/** The options of the command. */
export type RunFlags = Readonly<{
  agent?: string
  input?: string
  out?: string
  concurrency: number
  limit: number
  json?: boolean
  faults?: boolean
  approve?: 'all' | 'none'
}> &
  ModelFlags

/** Gives the runtime and what makes models, which the pieces of the command do not import. */
export type Runtime = Providers & Readonly<{ createSystem: (options: SystemOptions) => Promise<System> }>

const STANDARD_OUTPUT = 'standard output'

/**
 * Runs the command and gives its exit code: 0 when every record completed, 130 when interrupted, else 1.
 * @throws UsageError rejects with it
 */
export async function run(module: string, flags: RunFlags, runtime: Runtime): Promise<number> {
  const screen = terminal(flags)
  divertConsole(screen.say)
  const { agent, faults } = flags
  const team = await loadTeam(module, { agent, faults, model: await modelOf(flags, module, runtime) })
  const input = await openInput(flags.input, module, process.stdin)
  if (flags.input === '-' && process.stdin.isTTY) screen.say('Reading from the terminal: Ctrl-D ends it.')
  const out = await outputOf(module, flags.out, input, screen)

  const log = logOf(flags, screen)
  const system = await runtime.createSystem({ agents: [team.agent], logger: log.logger })
  const ending = await worked({ module, flags, team, system, input, out, screen, hush: log.end })
  const code = await concluded(ending, summaryOf(system, team.agent, ending), screen)
  input.close()
  await system.stop().catch(() => {})
  return code
}

type Job = Readonly<{
  module: string
  flags: RunFlags
  team: Team
  system: System
  input: Input
  out: Output
  screen: Terminal
  hush: () => void
}>

/** How the work ended, and what is known of it. */
type Worked = Ending & Pick<Batch, 'trails'>

const worked = async (job: Job): Promise<Worked> => {
  const { module, flags, team, system, input, out, screen, hush } = job
  const { limit, concurrency, faults = false } = flags
  const { agent, sabotage } = team
  const work = batch(system, agent, input.items, {
    limit,
    concurrency,
    write: screen.written,
  })
  const stopDeciding = decideApprovals({ system, screen, approve: flags.approve })
  const delivery = noDelivery()
  const attendance = attend({ system, work, delivery, input, screen, hush, faults })
  attendance.attempt(`The export "sabotage" of "${module}"`, () => sabotage(system))
  await deliver(work, out, delivery, screen.showsResults ? () => {} : screen.say)
  stopDeciding()
  hush()
  // Nobody wants what is still in hand.
  if (delivery.unwritten !== undefined) work.giveUp(new CancelledError('its result cannot be written'))
  return {
    ...delivery,
    ...attendance.end(),
    input: input.name,
    out: flags.out ?? STANDARD_OUTPUT,
    allTaken: work.allTaken,
    trails: work.trails,
  }
}

const outputOf = async (
  module: string,
  out: string | undefined,
  input: Input,
  { results }: Terminal,
): Promise<Output> =>
  out === undefined
    ? results
    : fileOutput(out, [
        { what: `the input, ${input.name}`, file: input.file },
        { what: `the module, ${module}`, file: module },
      ])

/** The log of the system, until the work is over: what a system says when it stops is for the log of a service. */
const logOf = ({ faults }: RunFlags, { say, paint }: Terminal): { logger: Logger; end: () => void } => {
  let write = say
  return {
    // Under --faults the live log says the same, and better.
    logger: faults ? silentLogger : lineLogger((line) => write(line), paint),
    end: () => (write = () => {}),
  }
}

const summaryOf = (system: System, root: AnyAgent, { trails, records, ms, outcomes }: Worked): Summary => {
  const agents = agentsOf([root])
  const used = system.metrics().filter(({ completed, failed }) => completed + failed > 0)
  const rows = used.map((metrics) => {
    const agent = agents.get(metrics.agent)
    const circuit = agent && definitionOf(agent).circuit ? system.circuit(agent).state : undefined
    const [times, calls] = [trails.durations.get(metrics.agent), trails.modelCalls.get(metrics.agent)]
    return agentSummary(metrics, { times, circuit, calls })
  })
  return { records, ms, outcomes, agents: rows }
}

const concluded = async (ending: Ending, summary: Summary, screen: Terminal): Promise<number> => {
  if (ending.unread instanceof UsageError) throw ending.unread
  if (isBrokenPipe(ending.unwritten)) return 1
  const lost = ending.unwritten !== undefined && ending.out === STANDARD_OUTPUT
  const unshown = lost ? undefined : await failureOf(screen.summary(summary))
  for (const line of leftOver(ending)) screen.say(line)
  if (unshown === undefined || isBrokenPipe(unshown)) return exitCode(ending)
  screen.say(`${STANDARD_OUTPUT} could not be written: ${messageOf(unshown)}.`)
  return exitCode(ending) || 1
}
