/** Whether an object stands for its `text`: by the contract of an agent, or by what it is made of. */
import { agent, human, parallel, pipeline, router, type AnyAgent } from 'troupe'
import { describe, expect, it } from 'vitest'
import { fromPromise } from 'xstate'
import { z } from 'zod'
import { takesText } from '../../src/cli/takes-text.ts'
import type { Schema } from '../../src/contracts/schemas.ts'

const text = agent('text', { run: (said) => said })
const Ticket = z.object({ text: z.string() })
const ticket = agent('ticket', { input: Ticket, run: (asked) => asked.text })
const person = human('person')
const byMachine = agent('by-machine', { machine: fromPromise(async () => 'done') })

describe('an agent takes text', () => {
  it('when its work is a function and it has no contract for its input', () => {
    expect(takesText(text)).toBe(true)
  })

  const taking = (input: Schema): AnyAgent => agent('contract', { input, run: () => 'x' })

  it.each<[string, Schema]>([
    ['string', z.string().min(1)],
    ['trimmed', z.string().trim()],
    ['email', z.email()],
    ['optional', z.string().optional()],
    ['default', z.string().default('none')],
    ['readonly', z.string().readonly()],
    ['transformed', z.string().transform((said) => said.length)],
    ['branded', z.string().brand<'Id'>()],
    ['enum', z.enum(['yes', 'no'])],
    ['literal', z.literal(['yes', 'no'])],
    ['template', z.templateLiteral(['id-', z.number()])],
    ['union of texts', z.union([z.literal('all'), z.string()])],
    ['lazy', z.lazy(() => z.string())],
  ])('when its contract is one of a text: %s', (_, input) => {
    expect(takesText(taking(input))).toBe(true)
  })

  it.each<[string, Schema]>([
    ['object', Ticket],
    ['number', z.number()],
    ['literal', z.literal([1, 'one'])],
    ['union with an object', z.union([z.string(), Ticket])],
    ['anything', z.unknown()],
    ['list', z.array(z.string())],
    ['preprocessed', z.preprocess((value) => value, z.string())],
  ])('but not when its contract is of something else: %s', (_, input) => {
    expect(takesText(taking(input))).toBe(false)
  })

  it('but not when it is a person or a machine without a contract: they take the record as it is', () => {
    expect(takesText(person)).toBe(false)
    expect(takesText(byMachine)).toBe(false)
    expect(takesText(human('texts', { input: z.string() }))).toBe(true)
  })

  it('when it is a pattern and one of those takes text that get its input', () => {
    const reader = agent('reader', { run: (): 'it' => 'it' })
    const sorter = agent('sorter', { input: Ticket, run: (): 'it' => 'it' })
    expect(takesText(router('r', { by: reader, to: { it: text } }))).toBe(true)
    expect(takesText(router('r', { by: reader, to: { it: person } }))).toBe(true)
    expect(takesText(router('r', { by: sorter, to: { it: ticket }, otherwise: person }))).toBe(false)
    expect(takesText(parallel('p', { branches: { person, text }, join: () => 'x' }))).toBe(true)
    expect(takesText(parallel('p', { branches: { person, ticket }, join: () => 'x' }))).toBe(false)
  })

  it('when it is a pipeline whose first stage does, whatever comes after', () => {
    const measure = agent('measure', { run: (said) => ({ text: said }) })
    expect(takesText(pipeline('p', [measure, ticket]))).toBe(true)
    const speak = agent('speak', { input: Ticket, run: (asked) => asked.text })
    expect(takesText(pipeline('p', [speak, text]))).toBe(false)
    expect(takesText(pipeline('p', [person, text]))).toBe(false)
  })

  it('when only its fallback says so', () => {
    const machine = fromPromise(async () => 'done')
    expect(takesText(agent('m', { machine, fallback: text as never }))).toBe(true)
    expect(takesText(agent('m', { machine, fallback: person }))).toBe(false)
  })
})
