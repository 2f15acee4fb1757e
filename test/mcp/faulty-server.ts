/**
 * An MCP server on its standard streams, for tests: `node faulty-server.ts <fault> <file>`. Its tools
 * misbehave when they are told to; with a fault it misbehaves by itself.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { Server, type CallToolResult, type Tool } from '@modelcontextprotocol/server'
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio'

const [fault = 'none', file = ''] = process.argv.slice(2)
const text = (said: string): CallToolResult => ({ content: [{ type: 'text', text: said }] })
const anything: Tool['inputSchema'] = { type: 'object' }
const cancelled: string[] = []
let extra = false

/** The first process of a test that names a file; the next one finds it. */
const isFirst = (): boolean => {
  if (existsSync(file)) return false
  writeFileSync(file, '')
  return true
}

type Values = Record<string, unknown>
type Run = (input: Values, meta: Values | undefined) => unknown

const tools: Record<string, Omit<Tool, 'name'> & { run: Run }> = {
  pid: { inputSchema: anything, run: () => text(String(process.pid)) },
  'files.read': { inputSchema: anything, run: () => text('by dot') },
  files_read: { inputSchema: anything, run: () => text('by underscore') },
  fail: { inputSchema: anything, run: () => ({ ...text('the disk is full'), isError: true }) },
  refuse: {
    inputSchema: anything,
    run: () => {
      throw new Error('not today')
    },
  },
  odd: {
    description: 'Has a schema that nobody can check',
    inputSchema: { type: 'object', properties: { a: { type: 'string', pattern: '(' } } },
    run: ({ a }) => text(`took ${String(a)}`),
  },
  nested: {
    inputSchema: {
      type: 'object',
      properties: {
        to: { type: 'array', items: { type: 'string', format: 'email' } },
        size: { $ref: '#/$defs/size' },
      },
      required: ['to', 'size'],
      $defs: { size: { enum: ['s', 'l'] } },
    },
    run: ({ to }) => text(JSON.stringify(to)),
  },
  crash: { inputSchema: anything, run: () => process.exit(7) },
  'crash-once': {
    inputSchema: anything,
    annotations: { idempotentHint: true },
    run: () => (isFirst() ? process.exit(7) : text('done by the second')),
  },
  hang: { inputSchema: anything, run: () => new Promise(() => {}) },
  cancelled: {
    inputSchema: anything,
    annotations: { readOnlyHint: true },
    run: () => text(cancelled.join(',')),
  },
  mixed: {
    inputSchema: anything,
    run: () => ({
      content: [
        { type: 'text', text: 'see' },
        { type: 'image', mimeType: 'image/png', data: Buffer.alloc(10).toString('base64') },
        { type: 'resource', resource: { uri: 'file:///a', text: 'inside' } },
        { type: 'resource', resource: { uri: 'file:///b', blob: 'AAAA' } },
        { type: 'resource_link', uri: 'file:///c', name: 'c' },
      ],
    }),
  },
  more: {
    inputSchema: anything,
    run: async () => {
      extra = true
      await server.sendToolListChanged()
      return text('ok')
    },
  },
  key: { inputSchema: anything, run: (_, meta) => text(String(meta?.['troupe/key'])) },
}

const server = new Server(
  { name: 'faulty', version: '1' },
  { capabilities: fault === 'no-tools' ? {} : { tools: { listChanged: true } } },
)

if (fault !== 'no-tools') {
  server.setRequestHandler('tools/list', async () => {
    if (fault === 'no-list') await new Promise(() => {})
    const listed = Object.entries(tools).map(([name, tool]): Tool => ({ name, ...tool }))
    return { tools: extra ? [...listed, { name: 'extra', inputSchema: anything }] : listed }
  })
  server.setRequestHandler('tools/call', async ({ params }, { mcpReq }) => {
    mcpReq.signal.addEventListener('abort', () => cancelled.push(params.name))
    const result = await tools[params.name]?.run(params.arguments ?? {}, mcpReq._meta)
    return (result ?? text('?')) as CallToolResult
  })
}

const dies = fault === 'dies' || (fault === 'dies-once' && isFirst())
switch (dies ? 'dies' : fault) {
  case 'silent':
  case 'garbage':
    if (file !== '') writeFileSync(file, String(process.pid))
    if (fault === 'garbage') process.stdout.write('Server listening on port 3000\n')
    process.stdin.resume()
    break
  case 'dies':
    console.error('Error: no database')
    process.exitCode = 3
    break
  case 'stubborn':
    process.on('SIGTERM', () => {})
    setInterval(() => {}, 1_000)
    await server.connect(new StdioServerTransport())
    break
  default:
    if (fault === 'leaves') server.oninitialized = () => process.exit(0)
    if (fault === 'banner') process.stdout.write('Welcome!\n')
    await server.connect(new StdioServerTransport())
}
