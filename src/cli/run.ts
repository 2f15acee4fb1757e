/** `troupe run`: an agent over every record of an input. Puts the pieces beside this file together. */
import type { AnyAgent } from '../contracts/agents.ts'
import { toTroupeError } from '../contracts/errors.ts'
import type { System, SystemEvent, SystemOptions } from '../contracts/system.ts'
import { batch, type Batch } from './batch.ts'
import { deliver, type Delivery } from './deliver.ts'
import { openInput } from './input.ts'
import { INTERRUPTED, onInterrupt } from './interrupts.ts'
import { logLine } from './live-log.ts'
import { lineLogger, silentLogger } from './logger.ts'
import { fileOutput, isBrokenPipe } from './output.ts'
import { resultLine, type Result } from './result.ts'
import { agentSummary, type Summary } from './summary.ts'
import { agentsOf, definitionOf, loadTeam } from './team.ts'
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
}>

/** Gives the runtime, which the pieces of the command do not import. */
export type StartSystem = (options: SystemOptions) => Promise<System>

/**
 * Runs the command and gives its exit code: 0 when every record completed, 130 when interrupted, else 1.
 * @throws UsageError rejects with it
 */
export async function run(module: string, flags: RunFlags, startSystem: StartSystem): Promise<number> {
  const { agent, sabotage } = await loadTeam(module, flags)
  const input = await openInput(flags.input, module, process.stdin)
  const out = flags.out === undefined ? undefined : await fileOutput(flags.out, input.file)
  const screen = terminal(flags)
  // Under --faults the live log says the same, and better.
  const logger = flags.faults ? silentLogger : lineLogger(screen.say, screen.paint)
  const system = await startSystem({ agents: [agent], logger })
  const work = batch(system, agent, input.items, flags)
  const end = attend(system, work, screen, flags)
  sabotage(system)

  const write = out ? (result: Result) => out.write(`${resultLine(result)}\n`) : screen.result
  const delivery = await deliver(work, write, screen)
  const ending = { ...end(), ...delivery, input: input.name }
  input.close()
  await out?.close().catch(() => {})
  screen.progress.clear()
  const summary = summaryOf(system, agent, work, delivery)
  await system.stop().catch(() => {})

  if (delivery.unread instanceof UsageError) throw delivery.unread
  if (isBrokenPipe(delivery.unwritten)) return 1
  await screen.summary(summary)
  for (const line of leftOver(ending)) screen.say(line)
  return exitCode(ending, summary)
}

/** How a run of the command ended. */
type Ending = Delivery & Readonly<{ interrupted: boolean; gaveUp: boolean; input: string }>

/** Listens to the system and to Ctrl-C while the batch is at work; the returned function ends it. */
const attend = (
  system: System,
  work: Batch,
  { say, paint }: Terminal,
  { faults = false }: RunFlags,
): (() => { interrupted: boolean; gaveUp: boolean }) => {
  let interrupted = false
  let gaveUp = false
  const ignoreInterrupts = onInterrupt(() => {
    interrupted = true
    say(
      `\nStopping: what is in hand (${work.running}) is finished, nothing new is taken. Ctrl-C again ends at once.`,
    )
    work.drain()
  })
  system.terminated.catch((thrown: unknown) => {
    gaveUp = true
    const error = toTroupeError(thrown)
    say(`The system gave up: ${error.message}`)
    work.giveUp(error)
  })
  const startedAt = system.clock.now()
  const show = (event: SystemEvent): void => {
    const line = logLine(event, startedAt, paint)
    if (line !== undefined) say(line)
  }
  // A system that nobody listens to makes no events, which is faster.
  const unsubscribe = faults ? system.events.subscribe(show) : () => {}
  return () => {
    ignoreInterrupts()
    unsubscribe()
    return { interrupted, gaveUp }
  }
}

const summaryOf = (system: System, root: AnyAgent, { trails }: Batch, delivery: Delivery): Summary => {
  const agents = agentsOf([root])
  const used = system.metrics().filter(({ completed, failed }) => completed + failed > 0)
  const rows = used.map((metrics) => {
    const agent = agents.get(metrics.agent)
    const circuit = agent && definitionOf(agent).circuit ? system.circuit(agent).state : undefined
    return agentSummary(metrics, trails.durations.get(metrics.agent), circuit)
  })
  const { records, ms, outcomes } = delivery
  return { records, ms, outcomes, agents: rows }
}

const leftOver = ({ input, lastLine, interrupted, gaveUp, unread, unwritten }: Ending): string[] => {
  const from = lastLine === 0 ? 'all of it' : `what comes after line ${lastLine}`
  const left = `Left undone of ${input}: ${from}.`
  if (unwritten !== undefined) return [`The results could not be written: ${messageOf(unwritten)}`, left]
  if (unread !== undefined) return [`${input} could not be read: ${messageOf(unread)}`, left]
  return interrupted || gaveUp ? [left] : []
}

const exitCode = (
  { interrupted, gaveUp, unread, unwritten }: Ending,
  { records, outcomes }: Summary,
): number => {
  if (interrupted) return INTERRUPTED
  const whole = !gaveUp && unread === undefined && unwritten === undefined
  return whole && records === (outcomes.completed ?? 0) ? 0 : 1
}

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))
