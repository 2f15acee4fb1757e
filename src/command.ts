/** What the command `troupe` does: reads its arguments and turns how it ended into an exit code. */
import { createRequire } from 'node:module'
import { setFlagsFromString } from 'node:v8'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { check, type CheckFlags } from './cli/check.ts'
import { graph, type GraphFlags } from './cli/graph.ts'
import { namesNear } from './cli/near.ts'
import { isBrokenPipe } from './cli/output.ts'
import { described } from './cli/place.ts'
import { run, type RunFlags } from './cli/run.ts'
import { UsageError } from './cli/usage-error.ts'
import { createSystem } from './index.ts'
import { aiSdk } from './models/ai-sdk.ts'
import { openai } from './models/openai.ts'

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
  .configureOutput({
    writeOut: (text) => writeTo(process.stdout, text),
    writeErr: (text) => writeTo(process.stderr, text),
    outputError: (text, write) => write(text.replace(/^error: /, 'troupe: ')),
  })
  .showHelpAfterError('(troupe --help says more)')
  .addHelpText(
    'after',
    `
Examples:
  $ troupe run team.ts                      over the sample beside the module
  $ troupe run team.ts --input tickets.csv --out results.jsonl
  $ troupe graph team.ts                    shows the team as a Mermaid diagram
  $ troupe check team.ts                    says what is wrong with the team
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
  .option(
    '--model <provider:name>',
    'run what the export "withModel" of the module makes of this model, such as openai:gpt-5.1',
  )
  .option(
    '--base-url <url>',
    'where the model is, for servers that speak an API of OpenAI (default: OPENAI_BASE_URL, else OpenAI)',
  )
  .addOption(
    new Option('--api <api>', 'which of the APIs of OpenAI it speaks (default: responses)').choices([
      'responses',
      'chat',
    ]),
  )
  .addOption(
    new Option(
      '--approve <which>',
      'decide about tools that need the approval of a person (default: ask on a terminal, else refuse)',
    ).choices(['all', 'none']),
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
(p50: half took no longer; p95: 95 of 100), the state of its circuit. Where a
model was asked, it also has the calls, the tokens and what they cost.

Models: openai:<name> takes its key from OPENAI_API_KEY; with --base-url a
server on this machine needs none. <package>:<name> is a provider of the AI SDK
that is installed where the module lies, such as
@ai-sdk/anthropic:claude-opus-4-5; its key is where that package looks for it.

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
  $ troupe run team.ts --model openai:gpt-5.1 --limit 3
  $ troupe run team.ts --model openai:llama3.3 --api chat \\
      --base-url http://localhost:11434/v1

Exit codes: 0 every record completed, 1 one did not, or the results could not be
written, 2 wrong usage, 130 interrupted.`,
  )
  .action(
    async (module: string, { limit = Infinity, ...flags }: Omit<RunFlags, 'limit'> & { limit?: number }) => {
      const code = await run(module, { ...flags, limit }, { createSystem, openai, aiSdk })
      // What the module does meanwhile may have failed.
      process.exitCode ||= code
    },
  )

program
  .command('graph')
  .description('Shows a team: its agents, who works for whom, and the bounds.')
  .argument('<module>', 'a .ts or .js file whose default export is the agent that gets the input')
  .option('--agent <name>', 'show another agent of the module, or a part of its team')
  .option('--with-model', 'show what the export "withModel" of the module makes of a model')
  .addOption(
    new Option('--format <format>', 'a Mermaid flowchart, or all there is to know as JSON')
      .choices(['mermaid', 'json'])
      .default('mermaid'),
  )
  .showHelpAfterError('(troupe help graph says more)')
  .addHelpText(
    'after',
    `
GitHub and many editors draw Mermaid. What may never happen in a run is dotted:
fallbacks, "otherwise", work that is sent back. Nothing is run.

Examples:
  $ troupe graph team.ts
  $ troupe graph team.ts --agent billing
  $ troupe graph team.ts --format json

Exit codes: 0 shown, 1 the module failed, 2 wrong usage.`,
  )
  .action(async (module: string, flags: GraphFlags) => {
    process.exitCode ||= await graph(module, flags)
  })

program
  .command('check')
  .description('Says what is wrong with a team, and how many model calls a run can need.')
  .argument('<module>', 'a .ts or .js file whose default export is the agent that gets the input')
  .option('--agent <name>', 'check another agent of the module, or a part of its team')
  .option('--with-model', 'check what the export "withModel" of the module makes of a model')
  .option('--json', 'the findings and the count as JSON')
  .showHelpAfterError('(troupe help check says more)')
  .addHelpText(
    'after',
    `
Each finding is a line: where the agent is defined, its name, what is wrong, and
the way out. These are errors: agents that nothing leads to, targets that are
missing, loops without a bound, joins that cannot be met, contracts that cannot
fit, more than 8 tools, tools that do not declare their effect. Two agents of
one name are a warning. Nothing is run.

Without errors the last lines are the most calls of models that one run can
need, and how that comes about.

Examples:
  $ troupe check team.ts
  $ troupe check team.ts --with-model
  $ troupe check team.ts --agent billing --json

Exit codes: 0 no errors, 1 errors, or the module failed, 2 wrong usage.`,
  )
  .action(async (module: string, flags: CheckFlags) => {
    process.exitCode ||= await check(module, flags)
  })

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

/** What commander has to say. Nobody wants the rest of it when the reader has gone (`| head -1`). */
function writeTo(stream: NodeJS.WriteStream, text: string): void {
  stream.on('error', (error) => {
    if (!isBrokenPipe(error)) throw error
  })
  stream.write(text)
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
