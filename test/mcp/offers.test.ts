/** How the tools of MCP servers are offered: their names, effects, checks and approvals. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { agent, ConfigurationError, createSystem, mcp, tool } from '../../src/index.ts'
import { McpServer } from '../../src/mcp/server.ts'
import type { Wishes } from '../../src/mcp/listed-tools.ts'
import { scripted } from '../../src/models/scripted.ts'
import { diaryLogger } from '../kernel/system.ts'
import { call, everything, faulty, talk } from './servers.ts'

describe('a server is refused', () => {
  it.each<[string, object, RegExp]>([
    ['without a place', {}, /needs either `command`, to start a server, or `url`/],
    ['with two places', { command: 'x', url: 'http://localhost' }, /either/],
    ['with an empty command', { command: ' ' }, /`command` is empty/],
    ['with an address that is none', { url: 'localhost:3000' }, /`url` is no address/],
    ['with headers for a command', { command: 'x', headers: {} }, /`headers` goes with `url`/],
    ['with arguments for an address', { url: 'http://localhost', args: [] }, /`args` goes with `command`/],
  ])('%s', (_, options, message) => {
    expect(() => mcp(options as never)).toThrow(ConfigurationError)
    expect(() => mcp(options as never)).toThrow(message)
  })
})

/** The tools of a server as tools of ours. */
const toolsOf = async (wishes: Wishes = {}, target = everything) => {
  const server = new McpServer(target, wishes)
  onTestFinished(() => server.close())
  const { signal } = new AbortController()
  return server.tools({ holder: server, clock: noTime, log: diaryLogger([]), signal })
}

const noTime = { now: () => 0, setTimeout: () => 0, clearTimeout: () => {} }

describe('the effect of a tool', () => {
  it('is that of the hints of its server, and `once` without', async () => {
    const all = [...(await toolsOf()), ...(await toolsOf({}, faulty()))]
    const said = all.map(({ name, effect, isDeclared }) => [name, [effect, isDeclared]] as const)

    expect(Object.fromEntries(said)).toMatchObject({
      echo: ['idempotent', true],
      'toggle-simulated-logging': ['once', false],
      'crash-once': ['idempotent', true],
      cancelled: ['idempotent', true],
      hang: ['once', false],
    })
  })

  it('is what was chosen, whatever the server says', async () => {
    const tools = await toolsOf({ effect: 'keyed', only: ['echo'] })
    expect(tools).toMatchObject([{ name: 'echo', effect: 'keyed', isDeclared: true }])
  })
})

describe('the name of a tool', () => {
  it('is made one that providers take and no other tool has', async () => {
    const mine = tool('pid', { input: z.object({}), run: () => 'mine' })
    const { model, told } = await talk(
      [mcp({ ...faulty(), only: ['files.read', 'files_read', 'pid'] }), mine],
      [call('files_read'), call('files_read_2'), call('pid')],
    )

    const names = model.requests[0]?.tools.map(({ name }) => name)
    expect(names).toEqual(['pid', 'pid_2', 'files_read_2', 'files_read'])
    expect(told).toEqual(['by underscore', 'by dot', 'mine'])
  })

  it('that is wanted and not there is warned about', async () => {
    const { model, logged } = await talk([mcp({ ...faulty(), only: ['pid', 'nothing'] })], [])
    expect(model.requests[0]?.tools).toHaveLength(1)
    expect(logged).toContain('warn an MCP server lacks tools that are wanted of it')
  })
})

it('more than 8 tools of an agent are warned about once', async () => {
  const warning = 'warn models choose badly among many tools: divide them among agents'
  const many = await talk([mcp(faulty())], [call('pid'), call('pid')])
  const few = await talk([mcp({ ...faulty(), only: ['pid'] })], [call('pid')])

  expect(many.logged.filter((line) => line === warning)).toHaveLength(1)
  expect(few.logged).not.toContain(warning)
})

describe('arguments', () => {
  it('are checked by the whole of JSON Schema', async () => {
    const { told } = await talk(
      [mcp({ ...faulty(), only: ['nested'] })],
      [call('nested', { to: ['nobody'], size: 'm' }), call('nested', { to: ['a@b.org'], size: 's' })],
    )
    expect(told).toEqual([
      expect.stringMatching(/do not fit: to\.0: must match format "email"; size: must be equal to one/),
      '["a@b.org"]',
    ])
  })

  it('are an object in any case', async () => {
    const { told } = await talk([mcp(faulty())], [{ calls: [{ name: 'pid', input: '[1]' }] }])
    expect(told).toEqual(['failed: the arguments do not fit: expected an object'])
  })

  it('of a schema that nobody can check are left to the server, with a warning', async () => {
    const { told, logged } = await talk([mcp({ ...faulty(), only: ['odd'] })], [call('odd', { a: 1 })])
    expect(told).toEqual(['took 1'])
    expect(logged).toContain('warn the arguments of an MCP tool cannot be checked: the server has to')
  })
})

it('what is no text is told of', async () => {
  const { told } = await talk([mcp(faulty())], [call('mixed')])
  expect(told).toEqual([
    [
      'see',
      '[image, image/png, 10 bytes: not shown]',
      '[resource file:///a]',
      'inside',
      '[resource file:///b, of unknown type, 3 bytes: not shown]',
      '[resource file:///c: c]',
    ].join('\n'),
  ])
})

it('a list that changes is read again before the next turn', async () => {
  const { model } = await talk([mcp(faulty())], [call('more'), call('extra')])
  const has = model.requests.map(({ tools }) => tools.some(({ name }) => name === 'extra'))
  expect(has).toEqual([false, true, true])
})

it('a call waits for the people who have to approve it, by its name at the server', async () => {
  const asked: unknown[] = []
  const server = mcp({
    ...faulty(),
    only: ['files.read'],
    approve: (made) => {
      asked.push(made)
      return { by: 'ann' }
    },
  })
  const system = await createSystem({ seed: 1, logger: diaryLogger([]) })
  onTestFinished(() => system.stop())
  const model = scripted([call('files_read', { a: 1 }), 'done'])
  const run = system.submit(agent('worker', { model, tools: [server] }), 'go')
  for await (const event of run.events()) if (event.type === 'approval.requested') break
  const [request] = await system.approvals.list()
  await system.approvals.edit(request?.id ?? '', { by: 'ann', input: { a: 2 } })

  expect(await run.outcome).toEqual({ status: 'completed', output: 'done' })
  expect(asked).toEqual([{ name: 'files.read', input: { a: 1 } }])
  expect(request).toMatchObject({ name: 'files_read', input: { a: 1 } })
  expect(model.requests[1]?.messages.at(-1)?.text).toBe('by dot')
})
