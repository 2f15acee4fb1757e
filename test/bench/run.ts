/**
 * `npm run bench -- --peers <folder>`: Troupe beside other frameworks on the same workloads, in one run, and what of it
 * keeps to the bounds that we have set ourselves. Ratios are medians over the rounds of the ratio within a round.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs, styleText } from 'node:util'
import { bounds, type Result } from './bounds.ts'

const HELP = `npm run bench -- --peers <folder> [--rounds 5] [--seconds 1] [--workloads w1,w2] [--only a,b] [--json file]
  --peers   the folder of the harness (run.mjs, package.json); default: the environment's TROUPE_PEERS
            Where it has no node_modules, it is copied to a temporary folder and installed there.
  the rest  is passed on to the harness
example: npm run bench -- --peers ../peers --workloads w1,w3 --only agent-kit --rounds 3`

const { values } = parseArgs({
  options: {
    peers: { type: 'string', default: process.env['TROUPE_PEERS'] ?? '' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '1' },
    workloads: { type: 'string', default: 'w1,w2,w3,w4,w6,w7' },
    only: { type: 'string', default: 'nact,xstate,agent-kit,ai-sdk,openai-agents,mastra,langgraph' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

/** Whether it went well. */
const run = (command: string, args: readonly string[], cwd: string): boolean => {
  const { status } = spawnSync(command, args, { cwd, stdio: 'inherit', env: { ...process.env, NODE_ENV: 'production' } })
  return status === 0
}

const installed = (folder: string): string => {
  if (existsSync(join(folder, 'node_modules'))) return folder
  const copy = mkdtempSync(join(tmpdir(), 'troupe-peers-'))
  cpSync(folder, copy, { recursive: true })
  console.error(`installing the peers in ${copy}; pass it as --peers to use it again`)
  if (!run('npm', ['ci', '--no-audit', '--no-fund'], copy)) throw new Error(`npm ci failed in ${copy}`)
  return copy
}

const main = (): void => {
  if (values.help || !existsSync(join(values.peers, 'run.mjs'))) {
    console.log(HELP)
    if (!values.help) process.exitCode = 2
    return
  }
  const folder = installed(resolve(values.peers))
  const json = resolve(values.json ?? join(mkdtempSync(join(tmpdir(), 'troupe-bench-')), 'figures.json'))
  const ours = ['troupe.bench.mjs', 'troupe-model.bench.mjs'].flatMap((file) => ['--add', resolve(import.meta.dirname, file)])
  const { rounds, seconds, workloads, only } = values
  const limits = ['--rounds', rounds, '--seconds', seconds, '--workloads', workloads, '--only', only]
  const complete = run(process.execPath, ['run.mjs', ...ours, '--json', json, ...limits], folder)
  if (!existsSync(json)) throw new Error('the harness has written no figures')

  const { results } = JSON.parse(readFileSync(json, 'utf8')) as { results: Result[] }
  console.log('## Bounds\n')
  let missed = 0
  for (const { what, figure, bound, met } of bounds(results)) {
    if (!met) missed += 1
    const verdict = met ? styleText('green', 'met   ') : styleText('red', 'missed')
    console.log(`${verdict} ${what}: ${figure} (bound ${bound})`)
  }
  if (!complete) console.log('\nA peer failed in some round: its ratios are of the other rounds.')
  console.log(`\nevery figure: ${json}`)
  if (missed > 0) process.exitCode = 1
}

main()
