/** The server that stands in for providers: what it says fits what it was asked, and it runs as a program. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openai } from 'troupe/models/openai'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { chat } from '../../src/models/openai-chat.ts'
import { openaiModel } from '../../src/models/openai-model.ts'
import { seededRandom } from '../../src/system/random.ts'
import { root } from '../tools.ts'
import { errorOf, refund, request, resultOf } from './asking.ts'
import { sampleOf } from './stub-sample.ts'
import { stubServer } from './stub-server.ts'

const tree = z.object({
  value: z.string(),
  get children() {
    return z.array(tree)
  },
})

describe('the stub server', () => {
  it.each<[string, z.ZodType]>([
    [
      'an object',
      z.object({ text: z.string().min(300), score: z.number().min(0).max(1), more: z.string().optional() }),
    ],
    [
      'numbers',
      z.object({
        a: z.int().min(5),
        b: z.number().negative(),
        c: z.number().positive().max(0.5),
        d: z.int().max(-3),
      }),
    ],
    [
      'formats',
      z.object({
        a: z.email(),
        b: z.iso.datetime(),
        c: z.url(),
        d: z.uuid(),
        e: z.iso.date(),
        f: z.string().max(3),
      }),
    ],
    [
      'choices',
      z.object({
        a: z.enum(['x', 'y']),
        b: z.union([z.number(), z.string()]),
        c: z.literal('z'),
        d: z.null(),
      }),
    ],
    [
      'lists',
      z.object({ a: z.array(z.object({ b: z.boolean() })).min(2), c: z.tuple([z.string(), z.number()]) }),
    ],
    ['recursion', z.object({ value: tree })],
    ['nothing', z.object({})],
  ])('makes up what fits: %s', (_, schema) => {
    expect(schema.safeParse(sampleOf(z.toJSONSchema(schema), 'what is it?')).error).toBeUndefined()
  })

  it.each<[string, z.ZodType]>([
    ['an amount from 0 to 1', z.object({ a: z.number().min(0).max(1) })],
    ['a whole number', z.object({ a: z.int().min(5).max(6) })],
    ['a list', z.object({ a: z.array(z.boolean()).max(2) })],
    ['a choice', z.object({ a: z.union([z.enum(['x', 'y']), z.null()]) })],
  ])('makes up other things that fit, where there is a choice: %s', (_, schema) => {
    const random = seededRandom(1)
    const choose = (count: number): number => Math.floor(random() * count)
    const samples = Array.from({ length: 200 }, () => sampleOf(z.toJSONSchema(schema), 'what?', choose))
    expect(samples.filter((sample) => !schema.safeParse(sample).success)).toEqual([])
    expect(new Set(samples.map((sample) => JSON.stringify(sample))).size).toBeGreaterThan(1)
  })

  it.each(['responses', 'chat'] as const)(
    'by %s with a seed says other things and calls tools, and the same again when it is asked the same',
    async (api) => {
      const output = z.toJSONSchema(z.object({ answer: z.int().min(1).max(9) }))
      const answers = async (seed: number): Promise<string[]> => {
        await using server = await stubServer({ seed })
        const model = openai('stub', { api, baseURL: server.url, apiKey: 'key' })
        const asked = Array.from({ length: 20 }, (_, n) => n)
        const results = await Promise.all(
          asked.map((n) =>
            resultOf(model, request({ output, tools: [refund], messages: [{ role: 'user', text: `${n}?` }] })),
          ),
        )
        return results.map(({ text, calls }) => `${text}${calls.map(({ name }) => name).join()}`)
      }
      const first = await answers(1)

      expect(new Set(first).size).toBeGreaterThan(2)
      expect(first).toContain('refund')
      expect(await answers(1)).toEqual(first)
      expect(await answers(2)).not.toEqual(first)
    },
  )

  it.each(['responses', 'chat'] as const)(
    'answers by %s with JSON, with a call, or with a sentence',
    async (api) => {
      await using server = await stubServer()
      const model = openai('stub', { api, baseURL: server.url, apiKey: 'key' })
      const output = z.toJSONSchema(z.object({ answer: z.string() }))

      const json = await resultOf(model, request({ output }))
      const called = await resultOf(model, request({ tools: [refund], settings: { toolChoice: 'required' } }))
      const said = await resultOf(model)

      expect(JSON.parse(json.text)).toEqual({ answer: 'The stub server has been asked: How much is it?' })
      expect(called.calls).toMatchObject([
        { name: 'refund', input: expect.stringContaining('How much is it?') },
      ])
      expect(said.text).toBe('The stub server has been asked: How much is it?')
    },
  )

  it('takes faults by queue, header and model, and knows which ones there are', async () => {
    await using server = await stubServer({ fault: 'not-found' })
    const access = { baseURL: server.url, apiKey: 'key' }
    const model = (name: string) => openaiModel(chat, { model: name, access, price: undefined })
    server.next('unauthorized')

    expect(await errorOf(model('fault:server-error'))).toMatchObject({ code: 'UNAUTHORIZED' })
    expect(await errorOf(model('fault:server-error'))).toMatchObject({ code: 'UNAVAILABLE' })
    expect(await errorOf(model('stub'))).toMatchObject({ code: 'BAD_REQUEST' })
    expect(await errorOf(model('fault:none'))).toMatchObject({
      message: expect.stringContaining('hang-mid-stream'),
    })
    const byHeader = await fetch(`${server.url}/responses`, {
      method: 'POST',
      headers: { 'x-stub-fault': 'rate-limited' },
      body: '{}',
    })
    expect(byHeader.status).toBe(429)
  })

  it('runs as a program', async () => {
    const program = spawn(
      process.execPath,
      ['test/models/stub-server.ts', '--port', '0', '--fault', 'prose'],
      { cwd: root },
    )
    try {
      const [line] = (await once(program.stdout, 'data')) as [Buffer]
      const baseURL = /http:\S+/.exec(line.toString())?.[0] ?? ''
      const result = await resultOf(openai('any', { baseURL, apiKey: 'key' }))
      expect(result.text).toBe('I would say that the answer is 42.')
    } finally {
      program.kill()
    }
  })
})
