/** Which schemas strict mode can take, and in which form. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { strictSchema } from '../../src/models/strict-schema.ts'

const strict = (schema: z.ZodType, io: 'input' | 'output' = 'output'): unknown =>
  strictSchema(z.toJSONSchema(schema, { io }))

const person = z.object({
  name: z.string(),
  get friends() {
    return z.array(person)
  },
})

describe('a schema has a strict form:', () => {
  it('an object, closed and with every property required', () => {
    const schema = z.object({
      text: z.string().describe('what to say'),
      count: z.number().min(0).max(9).nullable(),
    })

    expect(strict(schema, 'input')).toEqual({
      type: 'object',
      properties: {
        text: { type: 'string', description: 'what to say' },
        count: { anyOf: [{ type: 'number', minimum: 0, maximum: 9 }, { type: 'null' }] },
      },
      required: ['text', 'count'],
      additionalProperties: false,
    })
  })

  it.each<[string, z.ZodType]>([
    [
      'enums and literals',
      z.object({ a: z.enum(['x', 'y']), b: z.literal('z'), c: z.literal(['z', 3, true]) }),
    ],
    [
      'lists',
      z.object({
        a: z
          .array(z.object({ b: z.string() }))
          .min(1)
          .max(3),
      }),
    ],
    ['unions', z.object({ a: z.union([z.string(), z.object({ b: z.number() })]) })],
    [
      'unions that are told apart',
      z.object({ a: z.discriminatedUnion('t', [z.object({ t: z.literal('x') })]) }),
    ],
    ['no properties at all', z.object({})],
    ['recursion', z.object({ value: person })],
    ['recursion of the root', person],
    ['whole numbers', z.object({ a: z.int().positive() })],
    ['defaults, which are there in the output', z.object({ a: z.string().default('x') })],
  ])('%s', (_, schema) => {
    expect(strict(schema)).toMatchObject({ type: 'object', additionalProperties: false })
  })

  it('what it does not know is left to our own check', () => {
    const schema = z.object({
      site: z.url(),
      mail: z.email(),
      code: z.string().regex(/^a(?=b)/),
      plain: z.string().regex(/^[a-z]+$/),
      tagged: z
        .string()
        .default('x')
        .meta({ title: 'T', examples: ['y'], 'x-own': 1 }),
    })

    expect(strict(schema)).toMatchObject({
      properties: {
        site: { type: 'string' },
        mail: { type: 'string', format: 'email' },
        code: { type: 'string' },
        plain: { type: 'string', pattern: '^[a-z]+$' },
        tagged: { type: 'string' },
      },
    })
    const text = JSON.stringify(strict(schema))
    for (const word of ['"uri"', '(?=', 'default', 'examples', 'title', 'x-own', '$schema'])
      expect(text).not.toContain(word)
  })

  it('a choice of one is a choice of any', () => {
    const schema = {
      type: 'object',
      properties: { a: { oneOf: [{ type: 'string' }, { type: 'null' }] } },
      required: ['a'],
    }
    expect(strictSchema(schema)).toMatchObject({
      properties: { a: { anyOf: [{ type: 'string' }, { type: 'null' }] } },
    })
  })
})

describe('a schema has no strict form:', () => {
  it.each<[string, z.ZodType, ('input' | 'output')?]>([
    ['a property that may be left out', z.object({ a: z.string().optional() })],
    ['a default, which may be left out of the input', z.object({ a: z.string().default('x') }), 'input'],
    ['keys of any name', z.object({ a: z.record(z.string(), z.number()) })],
    ['more than its properties', z.looseObject({ a: z.string() })],
    ['a value of any type', z.object({ a: z.any() })],
    ['a tuple', z.object({ a: z.tuple([z.string(), z.number()]) })],
    [
      'an intersection',
      z.object({ a: z.intersection(z.union([z.string(), z.number()]), z.string().min(3)) }),
    ],
    ['a list as its root', z.array(z.string())],
    ['a text as its root', z.string()],
    ['a union as its root', z.union([z.object({ a: z.string() }), z.object({ b: z.string() })])],
    ['one of these deep inside', z.object({ a: z.array(z.object({ b: z.object({ c: z.any() }) })) })],
  ])('%s', (_, schema, io) => {
    expect(strict(schema, io)).toBeUndefined()
  })

  it.each([
    ['a word that it does not know', { type: 'object', properties: {}, required: [], if: {} }],
    [
      'a reference to elsewhere',
      { type: 'object', properties: { a: { $ref: 'https://a/b' } }, required: ['a'] },
    ],
    ['a list of anything', { type: 'object', properties: { a: { type: 'array' } }, required: ['a'] }],
    ['a definition that has none', { type: 'object', properties: {}, required: [], $defs: { a: {} } }],
  ])('%s', (_, schema) => {
    expect(strictSchema(schema)).toBeUndefined()
  })
})
