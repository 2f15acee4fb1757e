/** An MCP server over HTTP on loopback that answers as it is told to, below what a real one would do. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { onTestFinished } from 'vitest'

interface Asked {
  readonly id?: number
  readonly method: string
}

/** Answers a call of a tool. */
export type Answer = (response: ServerResponse, asked: Asked, tries: number) => void

/** Serves one tool, `pay`, whose calls are answered so. */
export const httpStub = async (answer: Answer, effect: 'once' | 'idempotent' = 'once') => {
  const requests: string[] = []
  const keys: unknown[] = []
  let sessions = 0
  let calls = 0
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const session = request.headers['mcp-session-id']
    keys.push(request.headers.authorization)
    if (request.method !== 'POST') {
      requests.push(`${request.method ?? ''} ${String(session)}`)
      return void response.writeHead(request.method === 'DELETE' ? 200 : 405).end()
    }
    let body = ''
    for await (const chunk of request) body += String(chunk)
    const asked = JSON.parse(body) as Asked
    requests.push(`${asked.method} ${String(session)}`)
    switch (asked.method) {
      case 'initialize':
        sessions += 1
        response.setHeader('mcp-session-id', `s${String(sessions)}`)
        return reply(response, asked, {
          protocolVersion: '2025-11-25',
          capabilities: { tools: {} },
          serverInfo: { name: 'stub', version: '1' },
        })
      case 'tools/list': {
        const annotations = { idempotentHint: effect === 'idempotent' }
        const tool = { name: 'pay', inputSchema: { type: 'object' }, annotations }
        return reply(response, asked, { tools: [tool] })
      }
      case 'tools/call':
        calls += 1
        return answer(response, asked, calls)
      default:
        response.writeHead(202).end()
    }
  }
  const server = createServer((request, response) => void serve(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${String(port)}/mcp?token=secret`, requests, keys, calls: () => calls }
}

const reply = (response: ServerResponse, { id }: Asked, result: object): void => {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ jsonrpc: '2.0', id, result }))
}

/** A good answer. */
export const paid: Answer = (response, asked) =>
  reply(response, asked, { content: [{ type: 'text', text: 'paid' }] })

/** Nothing but a status. */
export const status =
  (code: number): Answer =>
  (response) =>
    void response.writeHead(code).end('no')

/** A stream that ends before its answer. */
export const cut: Answer = (response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write(': here it comes\n\n')
  setImmediate(() => response.destroy())
}

/** The same, as if all was well. */
export const ended: Answer = (response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.end(': nothing\n\n')
}
