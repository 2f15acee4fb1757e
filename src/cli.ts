#!/usr/bin/env node
/** The command `troupe`. Reads its arguments and turns how it ended into an exit code. */
import { createRequire } from 'node:module'
import { setFlagsFromString } from 'node:v8'
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { run, type RunFlags } from './cli/run.ts'
import { UsageError } from './cli/usage-error.ts'
import { createSystem } from './index.ts'

const FAILURE = 1
const USAGE = 2

// Constant memory is worth a quarter of the speed: else V8 lets garbage grow with the machine, to twice as much and more.
setFlagsFromString('--optimize-for-size')

const { version } = createRequire(import.meta.url)('troupe/package.json') as { version: string }

const program = new Command('troupe')
  .description('Runs teams of AI agents as supervised actors.')
  .version(version)
  .exitOverride()
  .showHelpAfterError('(troupe --help says more)')
  .addHelpText(
    'after',
    `
Examples:
  $ troupe run team.ts                            over the sample beside the module
  $ troupe run team.ts --input tickets.csv --out results.jsonl
  $ troupe help run                               all about one command

Exit codes: 0 all well, 1 something failed, 2 wrong usage, 130 interrupted.`,
  )

const positive = (text: string): number => {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('It has to be a whole number from 1.')
  return value
}

program
  .command('run')
  .description('Runs an agent over every record of a file, and says how each ended.')
  .argument('<module>', 'a .ts or .js module whose default export is the agent to run')
  .option('--agent <name>', 'another agent of the module, or a part of its team')
  .option(
    '--input <file>',
    '.jsonl or .csv, or - for JSONL from standard input (default: the sample beside the module)',
  )
  .option('--out <file>', 'write the results to this file, as JSONL')
  .option('--concurrency <n>', 'records worked on at once', positive, 16)
  .option('--limit <n>', 'stop after so many records', positive, Infinity)
  .option('--json', 'standard output is data only: the results, with --out the summary')
  .option(
    '--faults',
    'run the export `faults` of the module instead, and log what breaks and how it is mended',
  )
  .addHelpText(
    'after',
    `
Under --faults the module's export \`sabotage\`, if there is one, is called with the system: it may kill actors.

Input: a line of JSONL is the agent's input; a CSV has a header and gives objects by column. Where an agent
takes text, an object's \`text\` is the input. Its \`id\` is carried along. Empty lines are passed over.

Results come in the order of the input, one a record:
  {"line":1,"id":"t1","outcome":{"status":"completed","output":"..."},"path":["triage","billing"],"ms":12}
\`path\` names the agents that the work went through, in the order in which they began; those that only
advised a router are left out. A record that cannot be read is a failed result, and the rest goes on.

Examples:
  $ troupe run team.ts
  $ troupe run team.ts --agent billing --input tickets.csv --limit 100
  $ cat tickets.jsonl | troupe run team.ts --input - --json > results.jsonl
  $ troupe run team.ts --faults

Exit codes: 0 every record completed, 1 one did not, 2 wrong usage, 130 interrupted. Ctrl-C finishes what is
in hand and says what was left; a second one ends at once.`,
  )
  .action(async (module: string, flags: RunFlags) => {
    process.exitCode = await run(module, flags, createSystem)
  })

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = exitCodeOf(error)
}

function exitCodeOf(error: unknown): number {
  // Commander has written its message already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE
  process.stderr.write(`troupe: ${error instanceof Error ? error.message : String(error)}\n`)
  return error instanceof UsageError ? USAGE : FAILURE
}
