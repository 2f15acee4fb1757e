/**
 * A model server on loopback that speaks both APIs of OpenAI and does wrong when it is told to. In tests:
 * `stubServer()`; as a program for examples: `node test/models/stub-server.ts --port 4010`.
 *
 * A request gets, whichever comes first: what was queued by `next`; the fault that its header `x-stub-fault`
 * names; the fault that its model is named after (`fault:reset`); the fault that the server was started with;
 * a sensible answer.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { fileURLToPath } from 'node:url'
import { seededRandom } from '../../src/system/random.ts'
import { exchangeOf, type StubRequest } from './stub-exchange.ts'
import { faultNamed, faultNames, type Fault, type FaultName } from './stub-faults.ts'
import { sampleOf, sentence, type Choose } from './stub-sample.ts'
import { speech, type Api, type Reply } from './stub-speech.ts'

/** A server that runs. */
export interface StubServer extends AsyncDisposable {
  /** What a client takes as its base URL. */
  readonly url: string
  /** All so far. */
  readonly requests: readonly StubRequest[]
  /** Connections so far. */
  readonly connections: number
  /** What the next requests get, in order. */
  next(...answers: readonly (Reply | FaultName)[]): void
}

/**
 * Starts a server. `port`: default any. With a `seed` its sensible answers vary, and tools are called: the same
 * request is answered alike by the same seed. Without one it takes the first of all choices, and calls none.
 */
export const stubServer = async ({
  port = 0,
  fault,
  seed,
}: { port?: number; fault?: FaultName; seed?: number | undefined } = {}): Promise<StubServer> => {
  const requests: StubRequest[] = []
  const queue: (Reply | FaultName)[] = []
  let connections = 0
  const chosen = ({ headers, body }: StubRequest): Reply | string | undefined => {
    const { 'x-stub-fault': byHeader } = headers
    const byModel = /^fault:(.*)/.exec(String(body['model']))?.[1]
    return queue.shift() ?? (typeof byHeader === 'string' ? byHeader : undefined) ?? byModel ?? fault
  }
  const server = createServer((incoming, response) => {
    void answer(incoming, response).catch((error: unknown) => response.destroy(error as Error))
  })
  const answer = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bodyOf(incoming)
    const api = incoming.url?.endsWith('/responses') ? 'responses' : 'chat'
    const gone = new Promise<void>((resolve) => response.once('close', resolve))
    const request: StubRequest = { api, headers: incoming.headers, body, gone }
    requests.push(request)
    const exchange = exchangeOf(request, response)
    const choice = chosen(request)
    const wrong = typeof choice === 'string' ? faultNamed(choice) : undefined
    if (typeof choice === 'string' && !wrong) {
      return exchange.fail(400, { message: `no fault "${choice}"; there are ${faultNames.join(', ')}` })
    }
    const does: Fault =
      wrong ?? (({ send }) => send(speech(api, typeof choice === 'object' ? choice : replyTo(request, seed))))
    await does(exchange)
  }
  server.on('connection', () => (connections += 1))
  await new Promise<void>((resolve, reject) =>
    server.once('error', reject).listen(port, '127.0.0.1', resolve),
  )
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/v1`,
    requests,
    get connections() {
      return connections
    },
    next: (...answers) => void queue.push(...answers),
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

const bodyOf = async (incoming: IncomingMessage): Promise<Record<string, unknown>> => {
  const pieces: Buffer[] = []
  for await (const piece of incoming) pieces.push(piece as Buffer)
  const text = Buffer.concat(pieces).toString()
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
}

/**
 * What a model might say: a call where there has to be one, JSON where a schema is given, else a sentence.
 */
const replyTo = ({ api, body }: StubRequest, seed?: number): Reply => {
  const asked = askedIn(body)
  const choose = seed === undefined ? undefined : chooseBy(`${seed} ${JSON.stringify(body)}`)
  const tools = offeredIn(body, api)
  const tool = tools[choose?.(tools.length) ?? 0]
  const calls = body['tool_choice'] === 'required' || (choose?.(2) === 1 && toldIn(body) < MOST_CALLS)
  if (calls && tool) {
    return { calls: [{ name: tool.name, input: JSON.stringify(sampleOf(tool.schema, asked, choose)) }] }
  }
  const schema = at(
    body,
    ...(api === 'chat' ? ['response_format', 'json_schema', 'schema'] : ['text', 'format', 'schema']),
  )
  const text = sentence(asked).split(/(?<= )/)
  return { text: schema === undefined ? text : JSON.stringify(sampleOf(schema, asked, choose)) }
}

/** Results of tools in a conversation; after so many the model has had enough. */
const MOST_CALLS = 3

const chooseBy = (seed: string): Choose => {
  const random = seededRandom(seed)
  return (count) => Math.floor(random() * count)
}

const toldIn = (body: object): number => {
  const messages = at(body, 'messages') ?? at(body, 'input')
  const isResult = (message: unknown): boolean =>
    at(message, 'role') === 'tool' || at(message, 'type') === 'function_call_output'
  return Array.isArray(messages) ? messages.filter(isResult).length : 0
}

const askedIn = (body: object): string => {
  const messages = at(body, 'messages') ?? at(body, 'input')
  const said = Array.isArray(messages) ? messages.filter((message) => at(message, 'role') === 'user') : []
  const text = at(said.at(-1), 'content')
  return typeof text === 'string' ? text : ''
}

const offeredIn = (body: object, api: Api): { name: string; schema: unknown }[] => {
  const tools = at(body, 'tools')
  if (!Array.isArray(tools)) return []
  return tools.map((each: unknown) => {
    const tool = api === 'chat' ? at(each, 'function') : each
    return { name: String(at(tool, 'name')), schema: at(tool, 'parameters') }
  })
}

const at = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (inner, name) =>
      typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[name] : undefined,
    value,
  )

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      fault: { type: 'string' },
      seed: { type: 'string' },
    },
  })
  const fault = faultNames.find((name) => name === values.fault)
  if (values.fault !== undefined && !fault)
    throw new Error(`no fault "${values.fault}"; there are ${faultNames.join(', ')}`)
  const seed = values.seed === undefined ? undefined : Number(values.seed)
  const { url } = await stubServer({ port: Number(values.port), ...(fault && { fault }), seed })
  console.log(`the stub server listens at ${url}`)
}
