/** `troupe graph`: the description of a team, and its diagram. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AnyAgent } from 'troupe'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { teamGraph } from '../../src/contracts/team-graph.ts'
import { flowchart } from '../../src/cli/flowchart.ts'
import supportDesk from '../../docs/examples/support-desk/team.ts'
import { root } from '../tools.ts'
import { troupe } from './program.ts'
import { badTeams } from './teams/bad.ts'
import { goodTeams } from './teams/good.ts'
import * as made from './teams/made.ts'

/** Edges as `from role key to`. */
const edgesOf = (agent: AnyAgent): string[] =>
  teamGraph(agent).edges.map(({ from, role, key, to }) => [from, role, key, to].filter(Boolean).join(' '))

describe('the graph of a team', () => {
  it('has each role under our own name, whatever keys its users chose', () => {
    const { join: joined } = made
    const by = made.worker('a')
    expect(edgesOf(made.parallel('p', { branches: { by }, join: joined }))).toEqual(['p branch by a'])
    expect(edgesOf(made.router('r', { by, to: { fallback: by }, otherwise: by, fallback: by }))).toEqual([
      'r by a',
      'r target fallback a',
      'r otherwise a',
      'r fallback a',
    ])
  })

  it('shows what every pattern is made of', () => {
    const [a, b, c] = [made.worker('a'), made.worker('b'), made.worker('c')]
    const { join: joined } = made
    const claims = { a: () => [] }
    const model = made.thinker('m', { tools: [a] })
    const teams = [
      made.pipeline('x', [a, made.stage(b, { fallback: c })]),
      made.arbiter('x', { branches: { a }, claims, join: joined, resolve: b }),
      made.orchestrator('x', { run: () => '', delegates: { k: a } }),
      made.plan('x', { planner: a, workers: { b }, join: joined }),
      made.consensus('x', { voters: { a }, otherwise: b }),
      made.debate('x', { peers: { a, b }, judge: c }),
      made.peers('x', { lead: a, members: [b] }),
      made.auction('x', { bidders: { a } }),
      made.human('x', { otherwise: a }),
      model,
    ]
    expect(teams.map(edgesOf)).toEqual([
      ['x stage 1 a', 'x stage 2 b', 'x fallback 2 c'],
      ['x branch a a', 'x resolve b'],
      ['x delegate k a'],
      ['x planner a', 'x worker b b'],
      ['x voter a a', 'x otherwise b'],
      ['x peer a a', 'x peer b b', 'x judge c'],
      ['x lead a', 'x member b'],
      ['x bidder a a'],
      ['x otherwise a'],
      ['m tool a a'],
    ])
  })

  it('has the bounds of each agent, its tools and its people', () => {
    const write = made.thinker('write', { tools: [made.tool('pay', { approve: () => false })], timeoutMs: 5 })
    const read = made.stage(made.worker('read'), { validate: () => true, revise: { to: 'write', max: 3 } })
    const boss = made.human('boss', { by: ['ann', 'bob'], of: 2, timeoutMs: Infinity })
    const graph = teamGraph(made.pipeline('book', [write, read, boss], { timeoutMs: 9 }))

    expect(graph.root).toBe('book')
    expect(graph.agents).toEqual([
      { id: 'book', name: 'book', kind: 'pipeline', bounds: { timeoutMs: 9 } },
      {
        id: 'write',
        name: 'write',
        kind: 'model',
        model: 'scripted',
        bounds: { timeoutMs: 5, attempts: 3, maxTurns: 10, repairs: 1 },
        tools: [{ name: 'pay', effect: 'once', isDeclared: false, approval: true }],
      },
      { id: 'read', name: 'read', kind: 'function', bounds: { timeoutMs: 60_000 } },
      {
        id: 'boss',
        name: 'boss',
        kind: 'human',
        bounds: { answerTimeoutMs: 'unbounded' },
        people: { by: ['ann', 'bob'], of: 2 },
      },
    ])
    expect(graph.edges.at(-1)).toEqual({ from: 'read', to: 'write', role: 'revision', bounds: { max: 3 } })
  })

  it('names an agent once, and tells two of a name apart', () => {
    const twin = made.worker('twin')
    const team = made.pipeline('p', [twin, made.stage(twin, {}), made.worker('twin')])
    expect(teamGraph(team).agents.map(({ id }) => id)).toEqual(['p', 'twin', 'twin~2'])
  })

  it('is plain JSON', () => {
    for (const make of Object.values(goodTeams)) {
      const graph = teamGraph(make())
      expect(JSON.parse(JSON.stringify(graph))).toEqual(graph)
    }
  })
})

/** As much of the language of flowcharts as a diagram may use. Anything else is a mistake. */
const parse = (text: string): { agents: string[]; arrows: string[] } => {
  const [head, ...lines] = text.split('\n')
  expect(head).toBe('flowchart LR')
  const label = String.raw`(?:[^"\n#<>]|#\d+;|<br/>)+`
  const box = new RegExp(String.raw`^  (a\d+)(?:\["${label}"\]|\{\{"${label}"\}\}|\(\["${label}"\]\))$`)
  const arrow = new RegExp(String.raw`^  (a\d+) (?:-->|-\.->)\|"${label}"\| (a\d+)$`)
  const agents: string[] = []
  const arrows: string[] = []
  for (const line of lines) {
    const start = /^ {2}start\(\( \)\) --> (a\d+)$/.exec(line)
    const [, agent] = box.exec(line) ?? []
    const [, from, to] = arrow.exec(line) ?? []
    if (start) arrows.push(`${start[1]}`)
    else if (agent !== undefined) agents.push(agent)
    else if (from !== undefined && to !== undefined) arrows.push(from, to)
    else expect.fail(`no line of a flowchart: ${line}`)
  }
  return { agents, arrows }
}

describe('the diagram of a team', () => {
  const teams = [...Object.values(goodTeams), ...Object.values(badTeams).map(([make]) => make)]

  it('is a flowchart, in which every arrow leads from one agent to another', () => {
    let drawn = 0
    for (const make of teams) {
      let team: AnyAgent
      try {
        team = make()
      } catch {
        continue
      }
      const { agents, arrows } = parse(flowchart(teamGraph(team)))
      expect(agents).toHaveLength(teamGraph(team).agents.length)
      expect(new Set(agents)).toEqual(new Set(arrows))
      drawn += 1
    }
    expect(drawn).toBeGreaterThan(60)
  })

  it('keeps names from being read as its language', () => {
    const nasty = 'end"]; a1-->|x|#b{{<br>}}%%`\n'
    const team = made.parallel(nasty, { branches: { [nasty]: made.worker('a') }, join: made.join })
    const text = flowchart(teamGraph(team))
    parse(text)
    expect(text).toContain('end#34;#93;#59; a1--#62;')
  })

  it('draws what may never happen dotted, and joins what leads from one to the other', () => {
    const other = made.worker('other')
    const to = { one: other, two: other }
    const by = made.giving('by', z.string())
    const desk = made.router('desk', { by, to, otherwise: other, fallback: other })
    expect(flowchart(teamGraph(desk)).split('\n').filter((line) => line.includes('|'))).toEqual([
      '  a1 -->|"by"| a2',
      '  a1 -->|"to one<br/>to two"| a3',
      '  a1 -.->|"otherwise<br/>fallback"| a3',
    ])
  })

  it('of the support desk is the one in the documentation', () => {
    const page = readFileSync(join(root, 'docs/command.md'), 'utf8')
    const [, drawn] = /```mermaid\n([^`]+)\n```/.exec(page) ?? []
    expect(drawn).toBe(flowchart(teamGraph(supportDesk)))
  })
})

describe('the command', () => {
  it('prints the diagram, or all as JSON, and the graph of a part', async () => {
    const desk = 'docs/examples/support-desk/team.ts'
    const drawn = await troupe('graph', desk)
    expect(drawn).toEqual({ code: 0, stderr: '', stdout: `${flowchart(teamGraph(supportDesk))}\n` })
    const { stdout } = await troupe('graph', desk, '--format', 'json')
    expect(JSON.parse(stdout)).toEqual(teamGraph(supportDesk))
    const part = await troupe('graph', desk, '--agent', 'opinions', '--format', 'json')
    expect(JSON.parse(part.stdout)).toMatchObject({ root: 'opinions' })
  })

  it('refuses another format, and has no default in its help that nobody set', async () => {
    const helps = ['run', 'graph', 'check'].map((name) => troupe('help', name))
    expect((await troupe('graph', 'team.ts', '--format', 'svg')).code).toBe(2)
    for (const { code, stdout } of await Promise.all(helps)) {
      expect(code).toBe(0)
      expect(stdout).not.toMatch(/null|undefined/)
      for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
    }
  })
})
