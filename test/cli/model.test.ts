/** `troupe run --model`: which model it is, how it is reached, what a module makes of it, what that costs. */
import { mkdir } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { modelOf, type ModelFlags } from '../../src/cli/model.ts'
import { summaryOnScreen, type AgentSummary } from '../../src/cli/summary.ts'
import type { Model } from '../../src/contracts/ports.ts'
import { stubServer, type StubServer } from '../models/stub-server.ts'
import { node } from '../tools.ts'
import { folder, results } from './program.ts'

const fake = (provider: string) => (name: unknown, options?: object) =>
  ({ provider, name, options }) as unknown as Model
const chosen = (flags: ModelFlags, module = 'team.ts'): Promise<unknown> =>
  modelOf(flags, module, { openai: fake('openai'), aiSdk: fake('ai-sdk') })

const usageError = (message: string): object => ({
  name: 'UsageError',
  message: expect.stringContaining(message) as string,
})

afterEach(() => vi.unstubAllEnvs())

describe('the model of', () => {
  it('openai:<name> has the key of the environment; its name is all behind the first colon', async () => {
    vi.stubEnv('OPENAI_API_KEY', 'secret')
    expect(await chosen({ model: 'openai:ft:gpt-5.1:us', api: 'chat' })).toEqual({
      provider: 'openai',
      name: 'ft:gpt-5.1:us',
      options: { api: 'chat' },
    })
    expect(await chosen({ model: 'openai:m', baseUrl: 'https://models.example/v1' })).toMatchObject({
      options: { baseURL: 'https://models.example/v1' },
    })
  })

  it.each(['http://localhost:11434/v1', 'http://127.0.0.1:1', 'http://[::1]:80', 'http://my.localhost/v1'])(
    'a server on this machine needs no key: %s',
    async (baseUrl) => {
      vi.stubEnv('OPENAI_API_KEY', '')
      expect(await chosen({ model: 'openai:m', baseUrl })).toMatchObject({
        options: { baseURL: baseUrl, apiKey: 'none' },
      })
    },
  )

  it('a server on this machine may be named by the environment', async () => {
    vi.stubEnv('OPENAI_API_KEY', '')
    vi.stubEnv('OPENAI_BASE_URL', 'http://localhost:1/v1')
    expect(await chosen({ model: 'openai:m' })).toMatchObject({ options: { apiKey: 'none' } })
  })

  it('no flag is none', async () => {
    expect(await chosen({})).toBeUndefined()
  })

  it.each<[string, string | undefined, Partial<ModelFlags>, string]>([
    ['no key', 'openai:m', {}, 'needs a key for api.openai.com: set the environment variable OPENAI_API_KEY'],
    ['no key for a server elsewhere', 'openai:m', { baseUrl: 'https://a.example/v1' }, 'a key for a.example'],
    ['no key for a name that begins alike', 'openai:m', { baseUrl: 'http://localhost.evil/' }, 'needs a key'],
    ['no provider', 'gpt-5.1', {}, 'takes a provider and a name, such as openai:gpt-5.1, not "gpt-5.1"'],
    ['no name', 'openai:', {}, 'takes a provider and a name'],
    ['a provider that nobody knows', 'opneai:m', {}, 'unknown provider "opneai": there is openai:<name>'],
    ['an address that is none', 'openai:m', { baseUrl: 'localhost' }, '--base-url is an address such as'],
    ['a package with an API', '@ai-sdk/x:m', { api: 'chat' }, '--base-url and --api are of --model openai:'],
    ['a package that is not there', '@ai-sdk/nowhere:m', {}, 'npm install @ai-sdk/nowhere'],
    ['an address alone', undefined, { baseUrl: 'http://localhost' }, '--base-url says where a model is'],
    ['an API alone', undefined, { api: 'chat' }, '--api says where a model is'],
  ])('%s is wrong usage', async (_, model, flags, message) => {
    vi.stubEnv('OPENAI_API_KEY', '')
    vi.stubEnv('OPENAI_BASE_URL', '')
    await expect(chosen({ ...(model !== undefined && { model }), ...flags })).rejects.toMatchObject(
      usageError(message),
    )
  })
})

describe('a provider of the AI SDK', () => {
  const { file, path } = folder()
  const provider = async (name: string, code: string): Promise<string> => {
    await mkdir(path(`node_modules/@ai-sdk/${name}`), { recursive: true })
    await file(`node_modules/@ai-sdk/${name}/package.json`, '{ "type": "module", "exports": "./index.js" }')
    await file(`node_modules/@ai-sdk/${name}/index.js`, code)
    return path('team.ts')
  }

  it('is found where the module lies, by what it exports', async () => {
    const module = await provider(
      'fine',
      `const languageModel = (modelId) => ({ modelId, provider: 'fine' })
       export const fine = Object.assign(() => {}, { languageModel })
       export { fine as alias }
       export const createFine = () => fine`,
    )
    expect(await chosen({ model: '@ai-sdk/fine:big:one' }, module)).toMatchObject({
      provider: 'ai-sdk',
      name: { modelId: 'big:one', provider: 'fine' },
    })
  })

  it.each([
    ['none', 'export const none = 1', 'exports no provider of the AI SDK'],
    ['two', 'export const a = { languageModel() {} }, b = { languageModel() {} }', 'exports 2 providers'],
    ['broken', "throw new Error('no license')", 'could not be loaded: no license'],
  ])('that is not one is wrong usage: %s', async (name, code, message) => {
    const module = await provider(name, code)
    await expect(chosen({ model: `@ai-sdk/${name}:m` }, module)).rejects.toMatchObject(usageError(message))
  })
})

describe('the command with a model', { timeout: 60_000 }, () => {
  let server: StubServer
  beforeAll(async () => void (server = await stubServer()))
  afterAll(() => server[Symbol.asyncDispose]())
  const command = ['--import', './test/use-sources.ts', 'src/cli.ts', 'run']
  const troupe = (...args: string[]) => node([...command, ...args])
  const { path } = folder()
  const withModel = 'test/cli/fixtures/with-model/team.ts'
  const model = (): string[] => ['--model', 'openai:stub', '--base-url', server.url]

  it('runs what the module makes of it, and says what was used, once that the cost is unknown', async () => {
    const { code, stdout, stderr } = await troupe(withModel, ...model())
    expect(code).toBe(0)
    expect(stdout).toMatch(/✓ line 1 +door → model-greeter +The stub server has been asked: Ada/)
    expect(stdout).toMatch(/agent +done .* calls +tokens in +tokens out +circuit\n/)
    expect(stdout).toMatch(/look +2 .* 2 +22 +14 +closed/)
    expect(stdout).toMatch(/door +2 .* - +- +- +-\n/)
    expect(stdout).toContain('4 calls of models: 44 tokens in, 28 out, cost unknown\n')
    expect(stdout.match(/unknown/g)).toHaveLength(1)
    expect(stderr.match(/has no price/g)).toHaveLength(1)
  })

  it('gives the figures as data, with the price of a model that has one', async () => {
    const out = ['--json', '--out', path('out.jsonl')]
    const { stdout } = await troupe(withModel, '--model', 'openai:gpt-5.1', '--base-url', server.url, ...out)
    const { agents } = JSON.parse(stdout) as { agents: AgentSummary[] }
    expect(agents.find(({ agent }) => agent === 'look')?.model).toEqual({
      calls: 2,
      inputTokens: 22,
      cachedTokens: 8,
      outputTokens: 14,
      usd: expect.closeTo((14 * 1.25 + 8 * 0.125 + 14 * 10) / 1e6, 12),
    })
    expect(agents.find(({ agent }) => agent === 'door')).not.toHaveProperty('model')
  })

  it('chooses a part of what the module makes by --agent', async () => {
    const { stdout } = await troupe(withModel, ...model(), '--agent', 'guard', '--json')
    expect(results(stdout)[0]).toMatchObject({ path: ['guard'], outcome: { output: 'Go away.' } })
    const { code, stderr } = await troupe(withModel, ...model(), '--agent', 'greeter')
    expect(code).toBe(2)
    expect(stderr).toContain('It has: door, guard, look')
  })

  it.each([
    [['test/cli/fixtures/texts/team.ts'], 'has no export "withModel": --model runs what a module makes of'],
    [['test/cli/fixtures/no-agent/team.ts'], 'what "withModel" of "team.ts" gives is an object and no agent'],
    [[withModel, '--faults'], '--faults and --model choose different teams'],
    [[withModel, '--api', 'rest'], 'Allowed choices are responses, chat'],
    [[withModel, '--approve', 'some'], 'Allowed choices are all, none'],
  ])('is wrong usage for %j', async (args, message) => {
    const { code, stdout, stderr } = await troupe(...args, ...model())
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(message)
  })
})

describe('the summary', () => {
  const plain = (_: unknown, text: string): string => text
  const agent = (name: string, usd: number | undefined): AgentSummary => ({
    ...{ agent: name, done: 1, failed: 0, retried: 0, p50Ms: 1, p95Ms: 1, circuit: undefined },
    model: { calls: 1_200, inputTokens: 1_000_000, cachedTokens: 0, outputTokens: 5, usd },
  })
  const shown = (...agents: AgentSummary[]): string =>
    summaryOnScreen({ records: 1, ms: 3, outcomes: { completed: 1 }, agents }, 120, plain)

  it('has what each agent has cost, and all together', () => {
    const text = shown(agent('a', 0.0042), agent('b', 1.5))
    expect(text).toMatch(/a .* 1,200 +1,000,000 +5 +\$0\.0042 +-\n/)
    expect(text).toContain('2,400 calls of models: 2,000,000 tokens in, 10 out, $1.50\n')
  })

  it('does not pretend to know the whole of which a part is unknown', () => {
    const text = shown(agent('a', 0.0042), agent('b', undefined))
    expect(text).toMatch(/b .* unknown +-\n/)
    expect(text).toContain('10 out, cost unknown\n')
  })
})
