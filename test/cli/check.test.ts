/** `troupe check`: what it finds in teams that are wrong, that it leaves good ones alone, and what it counts. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AnyAgent } from 'troupe'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { hasErrors, reportInWords, reportOn, type Report } from '../../src/cli/check.ts'
import { standInModel } from '../../src/cli/stand-in-model.ts'
import { loadTeam } from '../../src/cli/team.ts'
import { UsageError } from '../../src/cli/usage-error.ts'
import { root } from '../tools.ts'
import { folder, troupe } from './program.ts'
import { badTeams } from './teams/bad.ts'
import { goodTeams } from './teams/good.ts'
import * as made from './teams/made.ts'

const checked = (make: made.Made): Promise<Report> => reportOn('team.ts', async () => ({ agent: make() }))

describe('a bad team', () => {
  it.each(Object.entries(badTeams))('is found: %s', async (_, [make, expected]) => {
    const report = await checked(make)

    expect(report.findings).toEqual([
      {
        kind: expected.kind,
        severity: 'error',
        // What cannot even be defined is where the factory was called.
        file: expected.kind === 'invalid-definition' ? (expect.any(String) as string) : 'team.ts',
        agent: expected.agent,
        problem: expect.stringMatching(expected.problem) as string,
        wayOut: expect.stringMatching(expected.wayOut) as string,
      },
    ])
    expect(hasErrors(report)).toBe(true)
  })

  it('is one of at least thirty, of every kind', () => {
    expect(Object.keys(badTeams).length).toBeGreaterThanOrEqual(30)
    expect(new Set(Object.values(badTeams).map(([, { kind }]) => kind)).size).toBe(8)
  })

  it('is found deep in a team, once, however many ways lead there', async () => {
    const [make] = badTeams['a tool without an effect'] ?? []
    const part = make?.() as AnyAgent
    const report = await checked(() =>
      made.parallel('top', { branches: { a: part, b: made.pipeline('inner', [part]) }, join: made.join }),
    )

    expect(report.findings.map(({ agent, kind }) => [agent, kind])).toEqual([['handy', 'undeclared-effect']])
  })
})

describe('a good team', () => {
  it.each(Object.entries(goodTeams))('passes: %s', async (_, make) => {
    const report = await checked(make)

    expect(report.findings).toEqual([])
    expect(hasErrors(report)).toBe(false)
  })

  it('is one of at least thirty', () => {
    expect(Object.keys(goodTeams).length).toBeGreaterThanOrEqual(30)
  })
})

describe('a name with lines of its own', () => {
  it('breaks no line of the report', async () => {
    const nasty = 'a\n\u001b[2Jb'
    const report = await checked(() => made.thinker(nasty, { tools: made.tools(9) }))
    const text = reportInWords(report)
    expect(text).toContain('"a [2Jb": its model has 9 tools')
    expect(text.replace(/\n$/, '')).not.toMatch(/\p{Cc}/u)
  })
})

describe('two agents of one name', () => {
  it('are a warning, which is no error', async () => {
    const report = await checked(() =>
      made.parallel('team', {
        branches: { a: made.worker('twin'), b: made.worker('twin') },
        join: made.join,
      }),
    )

    expect(report.findings).toMatchObject([{ kind: 'same-name', severity: 'warning', agent: 'twin' }])
    expect(hasErrors(report)).toBe(false)
  })
})

describe('the examples', () => {
  const teams = globSync('docs/examples/*/team.ts', { cwd: root }).toSorted()
  const found = async (file: string, withModel: boolean): Promise<string[]> => {
    const model = withModel ? standInModel : undefined
    const load = loadTeam(join(root, file), { model }).catch((error: unknown) => {
      if (withModel && error instanceof UsageError) return undefined
      throw error
    })
    const team = await load
    if (!team) return []
    return (await reportOn(file, async () => team)).findings.map(({ agent, kind }) => `${agent}: ${kind}`)
  }
  // It shows what happens beyond eight tools.
  const expected = (file: string): string[] =>
    file.includes('production-guard-rails') ? ['convert: too-many-tools'] : []

  it.each(teams)('%s passes, with a model as well', async (file) => {
    expect(await found(file, false)).toEqual(expected(file))
    expect(await found(file, true)).toEqual(expected(file))
  })
})

describe('the most calls of models', () => {
  const most = async (make: made.Made): Promise<readonly [number | undefined, string | undefined]> => {
    const { modelCalls } = await checked(make)
    return [modelCalls?.most, modelCalls?.how[0]?.how]
  }
  const once = { retry: { attempts: 1 }, repairs: 0 }
  const brief = (name: string, options: object = {}): AnyAgent => made.thinker(name, { ...once, ...options })

  it('are none where no agent has a model, and those with a function are named', async () => {
    const { modelCalls } = await checked(() => made.pipeline('line', [made.worker('a'), made.human('b', {})]))
    expect(modelCalls).toEqual({ most: 0, how: [], notCounted: ['a'] })
  })

  it('are the turns, each as often as it is tried, and what a time limit cuts off', async () => {
    expect(await most(() => made.thinker('a', { tools: made.tools(1) }))).toEqual([
      32,
      '10 turns x 3 tries + 2 cut off by its time limit',
    ])
  })

  it('are fewer without tools: then only repairs and attempts make turns', async () => {
    expect(await most(() => made.thinker('a', { timeoutMs: Infinity }))).toEqual([18, '6 turns x 3 tries'])
    expect(await most(() => brief('a'))).toEqual([1, '1 turn'])
  })

  it('have a summary of each attempt where a session asks for it', async () => {
    expect(await most(() => brief('a', { session: { trim: 'summary' } }))).toEqual([
      2,
      '1 turn + 1 summary of its session',
    ])
  })

  it('of a router are those of who decides, and of the dearest way', async () => {
    const by = brief('by', { output: z.enum(['a', 'b']) })
    const to = { a: brief('a'), b: made.thinker('b', { timeoutMs: Infinity }) }
    expect(await most(() => made.router('desk', { by, to }))).toEqual([19, 'by 1 + the dearest way, b 18'])
  })

  it('of a router by state are as many as there are hops', async () => {
    expect(await most(() => made.router('desk', { to: { a: brief('a') }, next: () => 'a' }))).toEqual([
      10,
      '10 hops of the run x a 1',
    ])
  })

  it('of a pipeline count each stage as often as gates behind it send work back', async () => {
    const gate = (max: number) => ({ validate: () => true, revise: { to: 'b', max } })
    const line = made.pipeline('line', [
      brief('a'),
      made.stage(brief('b'), gate(2)),
      made.stage(brief('c'), { ...gate(3), fallback: brief('spare') }),
      brief('d'),
    ])
    // a once; b 1 + 2 + 3; c and its fallback 1 + 3 each; d once.
    expect(await most(() => line)).toEqual([
      16,
      'a 1 + 6 rounds x b 1 + 4 rounds x c 1 + 4 rounds x spare 1 + d 1',
    ])
  })

  it('of a fallback come on top, and attempts of a pattern multiply', async () => {
    const options = { branches: { a: brief('a'), b: brief('b') }, join: made.join }
    const retry = { attempts: 2 }
    expect(await most(() => made.parallel('team', { ...options, retry, fallback: brief('spare') }))).toEqual([
      5,
      '2 attempts x (a 1 + b 1) + its fallback spare 1',
    ])
  })

  it('of a debate, an auction, a consensus and a plan follow their rounds', async () => {
    const [a, b, judge] = [brief('a'), brief('b'), brief('judge')]
    const workers = made.named('w')
    const { join: joined } = made
    const voters = made.named('v', 'w')
    const planner = brief('p', { output: z.array(z.unknown()) })
    expect(await most(() => made.debate('d', { peers: { a, b }, judge }))).toEqual([
      7,
      '3 rounds x (a 1 + b 1) + judge 1',
    ])
    expect(await most(() => made.auction('d', { bidders: { a, b } }))).toEqual([4, '2 rounds x (a 1 + b 1)'])
    expect(await most(() => made.consensus('d', { voters, otherwise: judge }))).toEqual([1, 'judge 1'])
    expect(await most(() => made.plan('d', { planner, workers, rounds: 3, join: joined }))).toEqual([
      3,
      '3 rounds x p 1',
    ])
  })

  const unbounded: Readonly<Record<string, readonly [made.Made, string]>> = {
    'tools that are agents with a model': [
      () => made.thinker('lead', { tools: [brief('a')] }),
      'its model may call "a" any number of times in a turn',
    ],
    'delegates of a function': [
      () => made.orchestrator('lead', { run: () => '', delegates: { a: brief('a') } }),
      '"a" may be given work by its function any number of times',
    ],
    'members with a model': [
      () => made.peers('crew', { lead: made.worker('lead'), members: [brief('a', { capabilities: ['x'] })] }),
      '"a" may be asked for help any number of times',
    ],
    'workers with a model': [
      () => made.plan('p', { planner: made.worker('planner'), workers: { a: brief('a') }, join: made.join }),
      '"a" may be given any number of subtasks by a plan',
    ],
    'endless turns': [
      () => made.thinker('lead', { ...once, timeoutMs: Infinity, maxTurns: Infinity, tools: made.tools(1) }),
      'unbounded turns',
    ],
  }
  it.each(Object.entries(unbounded))('are unbounded with %s, which is named', async (_, [make, how]) => {
    expect(await most(make)).toEqual([Infinity, how])
  })
})

describe('docs/command.md', () => {
  const page = readFileSync(join(root, 'docs/command.md'), 'utf8')
  const shown = [...page.matchAll(/```text\n(team\.ts:[^`]*(?:`[^`]+`[^`]*)*)```/g)].map(([, text]) => text)
  const desk = (...names: [string, ...string[]]): made.Made => {
    const by = made.thinker('by', { output: z.enum(names) })
    const billing = made.thinker('billing', { tools: made.tools(1) })
    return () => made.router('desk', { by, to: { billing } })
  }

  it('shows what the command says', async () => {
    const bad = reportInWords(await checked(desk('billing', 'refunds')))
    const good = reportInWords(await checked(desk('billing')))
    expect(shown).toEqual([bad.replace('team.ts:', 'team.ts:12:16:'), good])
  })

  it('lists every kind of finding', () => {
    const kinds = new Set(Object.values(badTeams).map(([, { kind }]) => kind))
    expect([...page.matchAll(/^\| `([a-z]+-[a-z-]+)` \|/gm)].map(([, kind]) => kind)).toEqual(
      expect.arrayContaining([...kinds, 'same-name']),
    )
  })
})

describe('the command', () => {
  const { file } = folder()
  const imports = [
    "import { agent, router } from 'troupe'",
    "import { scripted } from 'troupe/models/scripted'",
  ]
  const team = (name: string, ...lines: string[]): Promise<string> =>
    file(name, [...imports, ...lines].join('\n'))

  it('says in a line that there is nothing to mend, and ends with 0', async () => {
    const { code, stdout, stderr } = await troupe('check', 'docs/examples/support-desk/team.ts')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(
      /^docs\/examples\/support-desk\/team\.ts: 11 agents, nothing to mend, no model calls a run\n/,
    )
  })

  it('names the line of each finding, and ends with 1', async () => {
    const name = await team(
      'bad.ts',
      "const by = agent('by', { model: scripted([]) })",
      "const a = agent('a', { run: (text) => text })",
      "export default router('desk', { by, to: { a } } as never)",
    )
    const { code, stdout } = await troupe('check', name)
    expect(code).toBe(1)
    expect(stdout).toMatch(
      /bad\.ts:5:16: error: "desk": "by" can name anything, and .+ no target: give `otherwise`, or .+\n$/,
    )
    expect(stdout.trimEnd().split('\n')).toHaveLength(1)
  })

  it('finds what a factory refuses, and gives all as JSON', async () => {
    const name = await team('refused.ts', 'export default router("desk", { by: undefined, to: {} } as never)')
    const { code, stdout } = await troupe('check', name, '--json')
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({
      agents: 0,
      findings: [
        {
          kind: 'invalid-definition',
          agent: 'desk',
          file: expect.stringMatching(/refused\.ts:3:16$/) as string,
        },
      ],
    })
  })

  it('checks what `withModel` makes, and a part by its name', async () => {
    const hub = 'docs/examples/research-hub/team.ts'
    const { code, stdout } = await troupe('check', hub, '--with-model', '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ findings: [], modelCalls: { most: 'unbounded' } })
    const part = await troupe('check', 'docs/examples/support-desk/team.ts', '--agent', 'opinions')
    expect(part.stdout).toMatch(/: 3 agents, nothing to mend/)
  })

  it('is used wrongly without a module, with one that is missing, or that has no team: 2', async () => {
    const none = await team('none.ts', 'export const x = 1')
    const wrong = [['check'], ['check', 'no.ts'], ['check', none], ['check', none, '--what'], ['graph', none]]
    const ends = await Promise.all(wrong.map((args) => troupe(...args)))
    for (const [at, { code, stdout, stderr }] of ends.entries()) {
      expect({ args: wrong[at], code, stdout }).toEqual({ args: wrong[at], code: 2, stdout: '' })
      expect(stderr).toMatch(/^troupe: /)
    }
  })

  it('fails with a module that fails, and keeps what it prints out of the findings', async () => {
    const name = await team('throws.ts', "console.log('hello')", "throw new Error('no')")
    const { code, stdout, stderr } = await troupe('check', name)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/hello\n.*failed while it was loaded: no \(at .*throws\.ts:4:7\)/)
  })
})
