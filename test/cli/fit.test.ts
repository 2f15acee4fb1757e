/** What surely cannot fit, against the parse itself: what is called a misfit never parses. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { jsonSchemaOf } from '../../src/contracts/json-schema.ts'
import { misfit } from '../../src/cli/checks/fit.ts'

type Schema = z.core.$ZodType

const compared = (from: Schema, to: Schema) => misfit(jsonSchemaOf(from, 'output'), jsonSchemaOf(to, 'input'))

describe('a misfit', () => {
  const Shared = z.object({ n: z.number() }).meta({ id: 'FitShared' })
  const misfits: readonly (readonly [Schema, Schema, string])[] = [
    [z.string(), z.number(), ''],
    [z.string(), z.union([z.number(), z.boolean()]), ''],
    [z.union([z.string(), z.null()]), z.number(), ''],
    [z.enum(['a', 'b']), z.enum(['c']), ''],
    [z.literal(1), z.string(), ''],
    [z.string(), z.literal(1), ''],
    [z.int().min(5), z.number().max(4), ''],
    [z.string().max(2), z.string().min(3), ''],
    [z.array(z.string()).max(1), z.array(z.string()).min(2), ''],
    [z.array(z.string()), z.array(z.number()).min(1), '0'],
    [z.object({ a: z.string() }), z.object({ b: z.string() }), 'b'],
    [z.object({ a: z.string() }), z.strictObject({}), 'a'],
    [z.object({ a: z.object({ b: z.string() }) }), z.object({ a: z.object({ b: z.number() }) }), 'a.b'],
    [z.object({ a: z.string() }), z.object({ a: z.number().optional() }), 'a'],
    [z.object({ a: z.string().optional() }), z.object({ a: z.number() }), 'a'],
    [z.object({ x: Shared }), z.object({ x: z.object({ n: z.string() }) }), 'x.n'],
    [z.looseObject({ a: z.string() }), z.object({ a: z.number() }), 'a'],
    [z.string().transform(Number).pipe(z.number()), z.string(), ''],
    [z.object({ a: z.string() }).and(z.object({ b: z.string() })), z.object({ b: z.number() }), 'b'],
    [
      z.discriminatedUnion('t', [z.object({ t: z.literal('a') }), z.object({ t: z.literal('b') })]),
      z.object({ t: z.literal('c') }),
      't',
    ],
  ]

  it.each(misfits.map(([from, to, path], at) => [at, from, to, path] as const))(
    'is found: %i',
    (_, from, to, path) => {
      expect(compared(from, to)).toMatchObject({ path })
    },
  )

  it('says what comes and what is taken', () => {
    expect(compared(z.object({ a: z.enum(['x', 'y']) }), z.object({ a: z.int().min(0).max(9) }))).toEqual({
      path: 'a',
      gives: '"x" or "y"',
      takes: 'a number, minimum 0, maximum 9',
    })
  })
})

/** The same numbers for the same seed (mulberry32). */
const randomFrom = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A schema of chance, and a value that it gives. */
type Sample = readonly [Schema, () => unknown]

const sampler = (random: () => number) => {
  const pick = <T>(choices: readonly T[]): T => choices[Math.floor(random() * choices.length)] as T
  const sample = (depth: number): Sample => {
    const leaves: readonly (() => Sample)[] = [
      () => [z.string(), () => pick(['a', 'b', 'zz', ''])],
      () => [z.enum(['a', 'b']), () => pick(['a', 'b'])],
      () => [z.number(), () => pick([0, 1.5, -3])],
      () => [z.int().min(0).max(3), () => pick([0, 1, 3])],
      () => [z.boolean(), () => random() < 0.5],
      () => [z.null(), () => null],
      () => [z.literal(['a', 1]), () => pick(['a', 1])],
      () => [z.coerce.string(), () => 'a'],
      () => [z.string().catch('x'), () => pick(['a', 'x'])],
      () => [z.any(), () => pick([1, 'a', null])],
    ]
    if (depth === 0) return pick(leaves)()
    const [inner, give] = sample(depth - 1)
    const [other, giveOther] = sample(depth - 1)
    const nested: readonly (() => Sample)[] = [
      () => [z.object({ a: inner, b: other }), () => ({ a: give(), b: giveOther() })],
      () => [z.object({ a: z.optional(inner) }), () => (random() < 0.5 ? {} : { a: give() })],
      () => [z.strictObject({ a: inner }), () => ({ a: give() })],
      () => [z.looseObject({ a: inner }), () => ({ a: give(), c: 1 })],
      () => [z.array(inner), () => (random() < 0.3 ? [] : [give()])],
      () => [z.union([inner, other]), () => (random() < 0.5 ? give() : giveOther())],
      () => [z.nullable(inner), () => (random() < 0.3 ? null : give())],
      () => [z.record(z.string(), inner), () => (random() < 0.3 ? {} : { a: give() })],
      () => [inner, give],
    ]
    return pick(nested)()
  }
  return sample
}

describe('no value', () => {
  const seed = 20_261
  it(`of a schema that is called a misfit is ever taken (seed ${seed})`, () => {
    const sample = sampler(randomFrom(seed))
    let found = 0
    for (let round = 0; round < 1_000; round += 1) {
      const [from, give] = sample(2)
      const [to] = sample(2)
      const told = compared(from, to)
      if (!told) continue
      found += 1
      for (let value = 0; value < 6; value += 1) {
        const given = z.safeParse(from, give())
        // What a schema of chance does not give itself says nothing.
        if (!given.success) continue
        const taken = z.safeParse(to, given.data)
        if (!taken.success) continue
        expect.fail(`${JSON.stringify(given.data)} fits, in spite of ${JSON.stringify(told)}`)
      }
    }
    expect(found).toBeGreaterThan(100)
  }, 60_000)
})
