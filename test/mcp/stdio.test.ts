/** The tools of the reference server, which is started for its agents and ends with them. */
import { expect, it } from 'vitest'
import { mcp } from '../../src/index.ts'
import { call, everything, faulty, isAlive, talk } from './servers.ts'

it('offers its tools with their descriptions and JSON Schemas', async () => {
  const { model } = await talk([mcp({ ...everything, only: ['get-sum'] })], [])

  expect(model.requests[0]?.tools).toEqual([
    {
      name: 'get-sum',
      description: 'Returns the sum of two numbers',
      input: {
        type: 'object',
        properties: {
          a: { type: 'number', description: 'First number' },
          b: { type: 'number', description: 'Second number' },
        },
        required: ['a', 'b'],
      },
    },
  ])
})

it('calls them, and tells the model what they gave', async () => {
  const { told } = await talk(
    [mcp(everything)],
    [
      call('echo', { message: 'hello' }),
      call('get-sum', { a: 2, b: 3 }),
      call('get-structured-content', { location: 'New York' }),
      call('get-tiny-image'),
    ],
  )

  expect(told).toEqual([
    'Echo: hello',
    'The sum of 2 and 3 is 5.',
    '{"temperature":33,"conditions":"Cloudy","humidity":82}',
    expect.stringMatching(/^Here's the image.*\n\[image, image\/png, \d+ bytes: not shown\]\n/),
  ])
})

it('refuses arguments that do not fit before the server hears of them', async () => {
  const { told, model } = await talk(
    [mcp(everything)],
    [call('get-sum', { a: 'two' }), call('get-sum', { a: 2, b: 3 })],
  )

  expect(told).toEqual([
    "failed: the arguments do not fit: must have required property 'b'; a: must be number",
    'The sum of 2 and 3 is 5.',
  ])
  model.assertConsumed()
})

it('is connected to once for all calls, and ends with the system', async () => {
  const { told, system } = await talk([mcp(faulty())], [call('pid'), call('pid')])
  const [first, second] = told.map(Number)

  expect(first).toBe(second)
  expect(isAlive(Number(first))).toBe(true)
  await system.stop()
  expect(isAlive(Number(first))).toBe(false)
})
