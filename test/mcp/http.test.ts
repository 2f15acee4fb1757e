/** MCP servers over HTTP, on loopback: the reference server, one of the newest protocol, and their faults. */
import { createServer } from 'node:http'
import { once } from 'node:events'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { describe, expect, it, onTestFinished } from 'vitest'
import { agent, createSystem, mcp } from '../../src/index.ts'
import { scripted } from '../../src/models/scripted.ts'
import { diaryLogger } from '../kernel/system.ts'
import { cut, ended, httpStub, paid, status, type Answer } from './http-stub.ts'
import { call, everythingOverHttp, talk } from './servers.ts'

it('the reference server is used like one that we start', async () => {
  const { url } = await everythingOverHttp()
  const { told } = await talk(
    [mcp({ url })],
    [call('echo', { message: 'hello' }), call('get-sum', { a: 2, b: 'x' }), call('get-sum', { a: 2, b: 3 })],
  )

  expect(told).toEqual([
    'Echo: hello',
    'failed: the arguments do not fit: b: must be number',
    'The sum of 2 and 3 is 5.',
  ])
})

it('a server of the newest protocol only is spoken to in that', async () => {
  const handler = createMcpHandler(
    () => {
      const server = new McpServer({ name: 'new', version: '1' })
      const result = { content: [{ type: 'text' as const, text: 'noon' }] }
      server.registerTool('now', { description: 'The time' }, () => result)
      return server
    },
    { legacy: 'reject' },
  )
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const { method = 'GET', url = '/' } = request
      const headers = request.headers as Record<string, string>
      const body = method === 'POST' ? { body: Buffer.concat(chunks) } : {}
      const answer = await handler.fetch(new Request(`http://127.0.0.1${url}`, { method, headers, ...body }))
      response.writeHead(answer.status, Object.fromEntries(answer.headers))
      for await (const chunk of answer.body ?? []) response.write(chunk)
      response.end()
    })()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as { port: number }
  const { told } = await talk([mcp({ url: `http://127.0.0.1:${String(port)}/mcp` })], [call('now')])

  expect(told).toEqual(['noon'])
})

describe('a call over HTTP', () => {
  it.each<[string, Answer, RegExp]>([
    ['refused for want of a key', status(401), /^failed: "pay" of the MCP server "http:[^?]+" failed: .*$/],
    ['refused for its number', status(429), /^failed: .*failed: .*no$/],
    ['refused as bad', status(400), /^failed: .*failed: .*no$/],
    ['that the server breaks at', status(503), /; whether it was done is not known$/],
    ['whose answer is cut', cut, /ended before the answer; whether it was done is not known$/],
    ['whose answer ends early', ended, /ended before the answer; whether it was done is not known$/],
  ])('%s is made once and told to the model', async (_, answer, text) => {
    const { url, calls } = await httpStub(answer)
    const { told } = await talk([mcp({ url })], [call('pay')])

    expect(told).toEqual([expect.stringMatching(text)])
    expect(calls()).toBe(1)
    expect(told[0]).not.toContain('secret')
  })

  it('whose answer is cut is made again where that does no harm', async () => {
    const { url, calls } = await httpStub((...asked) => (asked[2] === 1 ? cut : paid)(...asked), 'idempotent')
    const { told } = await talk([mcp({ url })], [call('pay')])

    expect(told).toEqual(['paid'])
    expect(calls()).toBe(2)
  })

  it('in a session that the server knows no more is made in a new one', async () => {
    const { url, requests } = await httpStub((...asked) => (asked[2] === 1 ? status(404) : paid)(...asked))
    const { told } = await talk([mcp({ url })], [call('pay')])

    expect(told).toEqual(['paid'])
    const made = requests.filter((request) => request.startsWith('tools/call'))
    expect(made).toEqual(['tools/call s1', 'tools/call s2'])
  })

  it('goes nowhere once the server is gone, and the next use says so', async () => {
    const { url, stop } = await everythingOverHttp()
    const system = await createSystem({ seed: 1, logger: diaryLogger([]) })
    onTestFinished(() => system.stop())
    const tools = [mcp({ url })]
    const model = scripted(['ready', call('echo', { message: 'two' }), 'never'])
    const worker = agent('worker', { model, tools, retry: { attempts: 1 } })
    await system.run(worker, 'go')
    await stop()

    // The list of its tools is known until it is missed.
    const message = expect.stringMatching(/^no connection to the MCP server/) as string
    expect(await system.submit(worker, 'go').outcome).toMatchObject({
      status: 'failed',
      error: { code: 'UNAVAILABLE', message },
    })
    expect(model.requests).toHaveLength(2)
  })
})

it('a session is ended with the system, under the headers of all its requests', async () => {
  const { url, requests, keys } = await httpStub(paid)
  const { system } = await talk([mcp({ url, headers: { authorization: 'Bearer x' } })], [call('pay')])
  await system.stop()
  expect(requests.at(-1)).toBe('DELETE s1')
  expect(new Set(keys)).toEqual(new Set(['Bearer x']))
})

it('without anybody who listens there is no connection', async () => {
  const system = await createSystem({ seed: 1, logger: diaryLogger([]) })
  onTestFinished(() => system.stop())
  const { url, stop } = await everythingOverHttp()
  await stop()
  const tools = [mcp({ url })]
  const worker = agent('worker', { model: scripted([]), tools, retry: { attempts: 1 } })
  const message = expect.stringMatching(/^no connection to the MCP server "http:.*ECONNREFUSED/) as string
  expect(await system.submit(worker, 'go').outcome).toMatchObject({
    status: 'failed',
    error: { code: 'UNAVAILABLE', message },
  })
})
