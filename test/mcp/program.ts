/** A program with the tool of an MCP server, as users write it: `node program.ts <how it ends>`. */
import { fileURLToPath } from 'node:url'
import { agent, createSystem, mcp } from 'troupe'
import { scripted } from 'troupe/models/scripted'

const server = fileURLToPath(new URL('faulty-server.ts', import.meta.url))
const model = scripted([{ calls: [{ name: 'pid', input: '{}' }] }, 'done'])
const tools = [mcp({ command: process.execPath, args: [server], only: ['pid'] })]
const worker = agent('worker', { model, tools })

const system = await createSystem({ agents: [worker] })
const outcome = await system.submit(worker, 'go').outcome
console.log(outcome.status === 'failed' ? outcome.error.message : outcome.status)
console.log(model.requests[1]?.messages.at(-1)?.text ?? 'no call')
if (process.argv[2] === 'exit') process.exit(0)
await system.stop()
