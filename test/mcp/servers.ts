/** Real MCP servers for tests, and what is asked of them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { agent, createSystem, type AnyTool, type Mcp, type System } from '../../src/index.ts'
import { scripted, type ScriptedModel, type Turn } from '../../src/models/scripted.ts'
import { diaryLogger } from '../kernel/system.ts'

const faultyServer = fileURLToPath(new URL('faulty-server.ts', import.meta.url))
const { resolve } = createRequire(import.meta.url)
const manifest = resolve('@modelcontextprotocol/server-everything/package.json')
const everythingServer = manifest.replace('package.json', 'dist/index.js')

/** The reference server, started by its client. */
export const everything = { command: process.execPath, args: [everythingServer] }

/** Ours, which misbehaves. */
export const faulty = (...args: string[]): { command: string; args: string[] } => ({
  command: process.execPath,
  args: [faultyServer, ...args],
})

/** The reference server over HTTP, on loopback. */
export const everythingOverHttp = async (): Promise<{ url: string; stop: () => Promise<void> }> => {
  const port = await freePort()
  const env = { ...process.env, PORT: String(port) }
  const args = [everythingServer, 'streamableHttp']
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  onTestFinished(stop)
  // It says that it listens there.
  for await (const chunk of child.stderr) if (String(chunk).includes('listening')) break
  child.stderr.resume()
  return { url: `http://127.0.0.1:${String(port)}/mcp`, stop }
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/** A call as a model writes it. */
export const call = (name: string, input: object = {}): Turn => ({
  calls: [{ name, input: JSON.stringify(input) }],
})

/** What an agent with these tools has done, whose model calls these one after the other. */
export const talk = async (
  tools: readonly (Mcp | AnyTool)[],
  turns: readonly Turn[],
): Promise<{ told: string[]; model: ScriptedModel; system: System; logged: string[] }> => {
  const logged: string[] = []
  const system = await createSystem({ seed: 1, logger: diaryLogger(logged) })
  onTestFinished(() => system.stop())
  const model = scripted([...turns, 'done'])
  await system.run(agent('worker', { model, tools, retry: { attempts: 1 } }), 'go')
  return { told: toldOf(model), model, system, logged }
}

/** What a model was told of its calls. */
export const toldOf = ({ requests }: ScriptedModel): string[] =>
  (requests.at(-1)?.messages ?? []).flatMap((message) =>
    message.role === 'tool' ? [`${message.failed ? 'failed: ' : ''}${message.text}`] : [],
  )

/** Whether a process is there. */
export const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
