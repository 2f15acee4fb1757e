#!/usr/bin/env node
/** The command `troupe`. Reads its arguments and turns how it ended into an exit code. */
import { createRequire } from 'node:module'
import { setFlagsFromString } from 'node:v8'
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { namesNear } from './cli/near.ts'
import { described } from './cli/place.ts'
import { run, type RunFlags } from './cli/run.ts'
import { UsageError } from './cli/usage-error.ts'
import { createSystem } from './index.ts'

const FAILURE = 1
const USAGE = 2
/** How long a module may keep the process open once all is done. */
const LINGER_MS = 2_000
/** More would only wait in the mailbox of the agent, which holds 10,000. */
const MAX_CONCURRENCY = 10_000

// Constant memory is worth a quarter of the speed: else V8 lets garbage grow with the machine, to twice as much and more.
setFlagsFromString('--optimize-for-size')

const { version } = createRequire(import.meta.url)('troupe/package.json') as { version: string }

const program = new Command('troupe')
  .description('Runs teams of AI agents as supervised actors.')
  .usage('<command> [options]')
  .version(version, '-V, --version', 'show the version')
  .helpOption('-h, --help', 'show this help')
  .helpCommand(false)
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'troupe: ')) })
  .showHelpAfterError('(troupe --help says more)')
  .addHelpText(
    'after',
    `
Examples:
  $ troupe run team.ts                      over the sample beside the module
  $ troupe run team.ts --input tickets.csv --out results.jsonl
  $ troupe help run                         all about one command

Exit codes: 0 all well, 1 something failed, 2 wrong usage, 130 interrupted.`,
  )

/** A whole number from 1 to `most`. `hint` is the way out for who gave another one. */
const wholeNumber = (most: number, hint: string) => (text: string) => {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return value
  const range = most === Infinity ? 'from 1' : `from 1 to ${most}`
  throw new InvalidArgumentError(`It has to be a whole number ${range}${hint}.`)
}

program
  .command('run')
  .description('Runs an agent over every record of a file, and says how each ended.')
  .argument('<module>', 'a .ts or .js file whose default export is the agent to run')
  .option('--agent <name>', 'run another agent of the module, or a part of its team')
  .option(
    '--input <file>',
    'records to work on: .jsonl, .csv or .tsv; - is JSONL from standard input (default: the one .jsonl or .csv file beside the module)',
  )
  .option(
    '--out <file>',
    'write the results to this file, as JSONL; what was in it is lost (default: standard output)',
  )
  .option('--concurrency <n>', 'records worked on at once', wholeNumber(MAX_CONCURRENCY, ', such as 16'), 16)
  .option(
    '--limit <n>',
    'stop after so many records (default: all)',
    wholeNumber(Infinity, '; without it all are taken'),
  )
  .option('--json', 'standard output is data only: the results as JSONL, or with --out the summary')
  .option(
    '--faults',
    'run the export "faults" of the module in place of its default one, and log what breaks and how it is mended',
  )
  .showHelpAfterError('(troupe help run says more)')
  .addHelpText(
    'after',
    `
Input: a line of JSONL is the agent's input; a CSV has a header and gives
objects by column. Where the agent takes text, an object stands for its "text".
Its "id" is carried along. Empty lines are passed over. A record that cannot be
read is a failed result, and the rest goes on. A line may have 8 MB.

Results come in the order of the input, one a record:
  {"line":1,"id":"t1","outcome":{"status":"completed","output":"..."},
   "path":["triage","billing"],"ms":12}
"status" is completed, failed, rejected, exhausted, cancelled or unknown. "path"
names the agents that the work went through, first come first; those that only
advised a router are left out. "ms" is milliseconds.

The summary has a row for each agent: tasks done, failed and retried, the times
(p50: half took no longer; p95: 95 of 100), the state of its circuit.

Under --faults the export "sabotage" of the module, if there is one, is called
with the system: it may kill actors.

Ctrl-C finishes what is in hand and says what was left; a second one ends at
once. What the module prints with console goes to standard error.

Examples:
  $ troupe run team.ts
  $ troupe run team.ts --agent billing --input tickets.csv --limit 100
  $ troupe run team.ts --input tickets.csv --out results.jsonl --concurrency 64
  $ cat tickets.jsonl | troupe run team.ts --input - --json > results.jsonl
  $ troupe run team.ts --faults

Exit codes: 0 every record completed, 1 one did not, or the results could not be
written, 2 wrong usage, 130 interrupted.`,
  )
  .action(
    async (module: string, { limit = Infinity, ...flags }: Omit<RunFlags, 'limit'> & { limit?: number }) => {
      const code = await run(module, { ...flags, limit }, createSystem)
      // What the module does meanwhile may have failed.
      process.exitCode ||= code
    },
  )

program
  .command('help')
  .description('Shows the help of a command.')
  .argument('[command]')
  .action((name?: string) => {
    const found = name === undefined ? program : program.commands.find((command) => command.name() === name)
    if (found) return found.help()
    const near = namesNear(
      name ?? '',
      program.commands.map((command) => command.name()),
    )
    const hint = near.length > 0 ? `\n(Did you mean ${near.join(' or ')}?)` : ''
    program.error(`error: unknown command '${name}'${hint}`)
  })

void main()

async function main(): Promise<void> {
  try {
    await program.parseAsync()
  } catch (error) {
    process.exitCode = exitCodeOf(error)
  }
  setTimeout(() => {
    process.stderr.write(
      'troupe: something of the module still runs, such as a timer or a connection: it is ended\n',
    )
    process.exit()
  }, LINGER_MS).unref()
}

function exitCodeOf(error: unknown): number {
  // Commander has written its message already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE
  if (error instanceof UsageError) {
    process.stderr.write(`troupe: ${error.message}\n`)
    return USAGE
  }
  process.stderr.write(`troupe: ${described(error)}\n`)
  return FAILURE
}
