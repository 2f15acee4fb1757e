/** Servers that misbehave: each ends in a named error, none hangs, none is left behind. */
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { agent, createSystem, mcp, type Clock } from '../../src/index.ts'
import type { FunctionTool } from '../../src/contracts/tool-definition.ts'
import type { Target } from '../../src/mcp/target.ts'
import { McpServer } from '../../src/mcp/server.ts'
import { scripted } from '../../src/models/scripted.ts'
import { crash } from '../../src/testing.ts'

import { diaryLogger } from '../kernel/system.ts'
import { call, faulty, isAlive, talk, toldOf } from './servers.ts'

const folder = (): string => mkdtempSync(join(tmpdir(), 'troupe-mcp-'))

/** A clock whose limits pass when they are told to. */
const limits = () => {
  const set: { fn: () => void; ms: number }[] = []
  const waiting: (() => void)[] = []
  const clock: Clock = {
    now: () => 0,
    setTimeout: (fn, ms) => {
      set.push({ fn, ms })
      for (const wake of waiting.splice(0)) wake()
      return fn
    },
    clearTimeout: (id) => void set.splice(0, set.length, ...set.filter(({ fn }) => fn !== id)),
  }
  /** Waits until so many limits have been set, of which some may be over. */
  const armed = async (): Promise<{ fn: () => void; ms: number }> => {
    for (;;) {
      const last = set.at(-1)
      if (last) return last
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
  }
  return { clock, armed, set }
}

const ask = (target: Target, rest: { clock?: Clock; signal?: AbortSignal } = {}) => {
  const logged: string[] = []
  const server = new McpServer(target, {})
  onTestFinished(() => server.close())
  const { clock = limits().clock, signal = new AbortController().signal } = rest
  const tools = (): Promise<readonly FunctionTool[]> =>
    server.tools({ holder: server, clock, log: diaryLogger(logged), signal })
  return { server, tools, logged }
}

describe('a server that cannot be connected to', () => {
  it('since its command is not there is a NotProvidedError', async () => {
    await expect(ask({ command: '/no/such/server' }).tools()).rejects.toMatchObject({
      code: 'NOT_PROVIDED',
      retryable: false,
      message: expect.stringMatching(/^the command "\/no\/such\/server" .* is not there: install/) as string,
    })
  })

  it('since its command may not be run is a NotProvidedError', async () => {
    const command = join(folder(), 'server')
    writeFileSync(command, '')
    await expect(ask({ command }).tools()).rejects.toMatchObject({
      code: 'NOT_PROVIDED',
      message: expect.stringMatching(/may not be run: make it executable$/) as string,
    })
  })

  it('since it dies at once is a ProviderError that says how', async () => {
    await expect(ask(faulty('dies')).tools()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      retryable: true,
      message: expect.stringMatching(
        /^no .* \(it ended with code 3; the last line of its error output is "Error: no database"\)/,
      ) as string,
    })
  })

  it('since it ends right after the handshake is a ProviderError', async () => {
    const { tools } = ask(faulty('leaves'))
    await expect(tools()).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true })
  })

  it.each([
    ['never answers', 'silent', /^the handshake of the MCP server "[^"]+" took longer than 30000 ms$/],
    [
      'writes something else',
      'garbage',
      /^the handshake of .* \(the last line of its output is "Server listening on port 3000"\) took/,
    ],
    ['never lists its tools', 'no-list', /^the list of tools of the MCP server ".*" took longer/],
  ])('since it %s is a TimeoutError, by the clock of the system', async (_, fault, message) => {
    const { clock, armed, set } = limits()
    const { tools, logged } = ask(faulty(fault), { clock })
    const asked = tools()
    asked.catch(() => {})
    const handshake = await armed()
    if (fault === 'no-list') await until(() => !set.includes(handshake))
    const limit = await armed()
    const garbage = 'debug an MCP server wrote what is no message'
    if (fault === 'garbage') await until(() => logged.includes(garbage))
    limit.fn()

    expect(limit.ms).toBe(30_000)
    await expect(asked).rejects.toMatchObject({ code: 'TIMEOUT' })
    await expect(asked).rejects.toThrow(message)
    // Who asks again gets a new connection.
    if (fault === 'no-list') await until(() => logged.some((line) => line.includes('an MCP server is gone')))
  })

  it.each([
    ['is asked again by the retry of the agent', 'dies-once', { status: 'completed', output: 'done' }],
    ['fails the run when the retries are over', 'dies', { status: 'failed', error: { code: 'UNAVAILABLE' } }],
  ])('%s', async (_, fault, expected) => {
    const logged: string[] = []
    const system = await createSystem({ seed: 1, logger: diaryLogger(logged) })
    onTestFinished(() => system.stop())
    const tools = [mcp(faulty(fault, join(folder(), 'first')))]
    const retry = { attempts: 2, minMs: 1, jitter: false }
    const worker = agent('worker', { model: scripted(['done']), tools, retry })
    const outcome = await system.submit(worker, 'go').outcome

    expect(outcome).toMatchObject(expected)
    expect(logged).toContain('info asked again: its tools could not be had')
  })

  it('is given up with the task that waits for it, and ended when it is closed', async () => {
    const waiting = new AbortController()
    const { clock, armed } = limits()
    const { tools, server } = ask(faulty('silent'), { clock, signal: waiting.signal })
    const asked = tools()
    await armed()
    waiting.abort()

    await expect(asked).rejects.toMatchObject({ code: 'CANCELLED' })
    await server.close()
  })

  it('rejects whoever waits for it when it is closed, and is gone then', async () => {
    const file = join(folder(), 'pid')
    const { tools, server } = ask(faulty('silent', file))
    const asked = tools()
    asked.catch(() => {})
    const pid = (): number => (existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0)
    await until(() => pid() > 0)
    await server.close()

    expect(isAlive(pid())).toBe(false)
    await expect(asked).rejects.toMatchObject({ code: 'CANCELLED' })
    await expect(asked).rejects.toThrow('was closed')
  })
})

it('a banner on its output does no harm', async () => {
  const { told } = await talk([mcp(faulty('banner'))], [call('files_read')])
  expect(told).toEqual(['by underscore'])
})

it('a server without tools is warned about', async () => {
  const printed = vi.spyOn(console, 'debug')
  onTestFinished(() => printed.mockRestore())
  const { model, logged } = await talk([mcp(faulty('no-tools'))], [])
  expect(model.requests[0]?.tools).toEqual([])
  expect(logged).toContain('warn an MCP server has no tools')
  expect(printed).not.toHaveBeenCalled()
})

describe('a call', () => {
  it.each([
    ['that the tool says has failed', 'fail', 'failed: the disk is full'],
    ['that the server refuses', 'refuse', /^failed: "refuse" of the MCP server ".*" failed: .*not today$/],
  ])('%s is told to the model', async (_, name, text) => {
    const { told } = await talk([mcp(faulty())], [call(name)])
    expect(told).toEqual([typeof text === 'string' ? text : expect.stringMatching(text)])
  })

  it('in which the server dies is not made twice, and the model is told that nobody knows', async () => {
    const { told, logged } = await talk([mcp(faulty())], [call('pid'), call('crash'), call('pid')])
    const [before, failed, after] = told

    expect(failed).toMatch(
      /^failed: "crash" of .* failed \(it ended with code 7\): .*; whether it was done is not known$/,
    )
    expect(logged).toContainEqual(expect.stringMatching(/^warn an MCP server is gone \(it ended with code 7/))
    expect(Number(after)).toBeGreaterThan(0)
    expect(after).not.toBe(before)
  })

  it('in which the server dies is made again where that does no harm', async () => {
    const { told, logged } = await talk(
      [mcp(faulty('none', join(folder(), 'first')))],
      [call('crash-once')],
    )

    expect(told).toEqual(['done by the second'])
    expect(logged).toContain('info an MCP tool is called again')
  })

  it('in which the server dies each time is made twice, not more', async () => {
    const { told, logged } = await talk([mcp({ ...faulty(), effect: 'idempotent' })], [call('crash')])

    expect(told).toEqual([expect.stringMatching(/^failed: "crash"/)])
    expect(logged.filter((line) => line.includes('is gone'))).toHaveLength(2)
  })

  it('between which and the last one the server has died finds a new one', async () => {
    const { tools, logged } = ask(faulty())
    const pid = find(await tools(), 'pid')
    const first = Number(await run(pid))
    process.kill(first, 'SIGKILL')
    await until(() => logged.some((line) => line.includes('an MCP server is gone')))

    expect(Number(await run(pid))).not.toBe(first)
  })

  it('that is cancelled is cancelled at the server', async () => {
    const { tools } = ask(faulty())
    const offered = await tools()
    const aborter = new AbortController()
    const hanging = run(find(offered, 'hang'), aborter.signal)
    // The server has heard of it once it has answered the one behind it.
    await run(find(offered, 'cancelled'))
    aborter.abort(new Error('enough'))

    await expect(hanging).rejects.toThrow('enough')
    expect(await run(find(offered, 'cancelled'))).toBe('hang')
  })

  it('takes no longer than the time limit of a tool', async () => {
    const { tools } = ask(faulty())
    const limits = { timeoutMs: 30_000, onError: 'tell-model', maxResultChars: 20_000 }
    expect(find(await tools(), 'hang')).toMatchObject(limits)
  })

  it('tells the server its key', async () => {
    const { told } = await talk([mcp(faulty())], [call('key')])
    expect(told).toEqual([expect.stringMatching(/\/key#1$/)])
  })
})

describe('a server that is let go', () => {
  it('is killed when it does not end by itself', async () => {
    const { told, system } = await talk([mcp(faulty('stubborn'))], [call('pid')])
    await system.stop()
    expect(isAlive(Number(told[0]))).toBe(false)
  })

  it('is gone with a system that is dropped', async () => {
    const system = await createSystem({ seed: 1, logger: diaryLogger([]) })
    const model = scripted([call('pid'), 'done'])
    await system.run(agent('worker', { model, tools: [mcp(faulty())] }), 'go')
    crash(system)
    await until(() => !isAlive(Number(toldOf(model)[0])))
  })

  it('goes on for another system that uses it, until that stops as well', async () => {
    const shared = mcp(faulty())
    const one = await talk([shared], [call('pid')])
    const two = await talk([shared], [call('pid')])
    const pid = Number(one.told[0])

    expect(two.told).toEqual(one.told)
    await one.system.stop()
    expect(isAlive(pid)).toBe(true)
    await two.system.stop()
    expect(isAlive(pid)).toBe(false)
  })

  it('is not started again by what is left of those that used it', async () => {
    const { tools, server } = ask(faulty())
    const offered = await tools()
    await server.release(server)
    await expect(run(find(offered, 'pid'))).rejects.toMatchObject({ code: 'CANCELLED' })
  })

  it('is connected to again by whoever uses it after it was closed', async () => {
    const shared = mcp(faulty())
    const model = scripted([call('pid'), 'one', call('pid'), 'two'])
    const system = await createSystem({ seed: 1, logger: diaryLogger([]) })
    onTestFinished(() => system.stop())
    const worker = agent('worker', { model, tools: [shared] })
    await system.run(worker, 'go')
    const [first] = toldOf(model)
    await shared.close()
    expect(isAlive(Number(first))).toBe(false)
    await system.run(worker, 'go')
    const [second] = toldOf(model)

    expect(second).not.toBe(first)
    await system.stop()
    expect(isAlive(Number(second))).toBe(false)
  })
})

const find = (tools: readonly FunctionTool[], wanted: string): FunctionTool => {
  const found = tools.find(({ name }) => name === wanted)
  if (!found) throw new Error(`no ${wanted}`)
  return found
}

let calls = 0

const run = async (tool: FunctionTool, signal?: AbortSignal): Promise<unknown> => {
  calls += 1
  const given = signal ?? new AbortController().signal
  const step = { signal: given, key: `key-${String(calls)}`, runId: 'r', log: diaryLogger([]) }
  return tool.run({} as never, step)
}

/** Until something that happens outside of this process has come to be. */
const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve))
}
