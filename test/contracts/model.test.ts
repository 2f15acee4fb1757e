/** What every model has to do, over a table of all of them. */
import { CancelledError, ProviderError, type ModelEvent, type ModelResult } from 'troupe'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { errorOf, eventsOf, refund, request, resultOf } from '../models/asking.ts'
import { rigs, usage } from '../models/rigs.ts'

const textOf = (events: readonly ModelEvent[]): string =>
  events.map((event) => (event.type === 'text' ? event.text : '')).join('')

const unhandled: unknown[] = []
const note = (reason: unknown): void => void unhandled.push(reason)
beforeAll(() => void process.on('unhandledRejection', note))
afterAll(() => void process.off('unhandledRejection', note))

describe.each(rigs)('the model $name', ({ set, countsWhatItWants }) => {
  it('streams text, then the result, once and last', async () => {
    await using stage = await set({ text: ['It is ', '12 ', 'Euro. ', 'Größe 🙂'] })

    const events = await eventsOf(stage.model)

    expect(events.map(({ type }) => type)).toEqual([
      ...Array.from({ length: events.length - 1 }, () => 'text'),
      'end',
    ])
    expect(events.length).toBeGreaterThan(2)
    expect(textOf(events)).toBe('It is 12 Euro. Größe 🙂')
    const result: ModelResult = { text: 'It is 12 Euro. Größe 🙂', calls: [], finish: 'stop', usage }
    expect(events.at(-1)).toEqual({ type: 'end', result })
  })

  it('gives the calls of an answer in order, each with an id of its own', async () => {
    const calls = [
      { name: 'refund', input: '{"invoice":"a"}' },
      { name: 'refund', input: '{"invoice":"b"}' },
    ]
    await using stage = await set({ calls })

    const result = await resultOf(stage.model, request({ tools: [refund] }))

    expect(result).toMatchObject({ text: '', finish: 'calls', calls, usage })
    expect(new Set(result.calls.map(({ id }) => id)).size).toBe(2)
  })

  it('tells a refusal and a cut answer from an answer', async () => {
    await using stage = await set(
      { text: ['No.'], finish: 'refusal' },
      { text: ['Half an ans'], finish: 'length' },
    )
    const asked = [request({ messages: [{ role: 'user', text: 'one' }] }), request()]

    expect(await resultOf(stage.model, asked[0])).toMatchObject({
      finish: 'refusal',
      text: 'No.',
      calls: [],
      usage,
    })
    expect(await resultOf(stage.model, asked[1])).toMatchObject({
      finish: 'length',
      text: 'Half an ans',
      calls: [],
      usage,
    })
  })

  it.runIf(countsWhatItWants)('does not count what its provider does not count', async () => {
    await using stage = await set({ text: ['It is 12 Euro.'], usage: null })

    expect((await resultOf(stage.model)).usage).toBeUndefined()
  })

  it.each([
    ['fails for now', 'UNAVAILABLE', true],
    ['fails for good', 'BAD_REQUEST', false],
  ] as const)('%s with an error that says so, and can be asked again', async (act, code, retryable) => {
    await using stage = await set(act, { text: ['Here I am.'] })

    const error = await errorOf(stage.model)

    expect(error).toBeInstanceOf(ProviderError)
    expect(error).toMatchObject({ code, retryable })
    expect((await resultOf(stage.model)).text).toBe('Here I am.')
  })

  it('asks nobody when it is cancelled before', async () => {
    await using stage = await set({ text: ['Still here.'] })
    const caller = new AbortController()
    caller.abort(new CancelledError('too late'))

    const error = await errorOf(stage.model, request(), caller.signal)

    expect(error).toBeInstanceOf(CancelledError)
    expect(error).toMatchObject({ reason: 'too late' })
  })

  it('that says nothing is cancelled at once, and its provider is told', async () => {
    await using stage = await set('says nothing')
    const caller = new AbortController()
    setTimeout(() => caller.abort(new CancelledError('nobody waits')), 20)

    const error = await errorOf(stage.model, request(), caller.signal)

    expect(error).toBeInstanceOf(CancelledError)
    expect(error).toMatchObject({ reason: 'nobody waits' })
    await stage.released?.()
  })

  it('gives no result once it is cancelled in the middle', async () => {
    await using stage = await set('stops in the middle')
    const caller = new AbortController()
    const events: ModelEvent[] = []

    const listening = (async () => {
      for await (const event of stage.model.complete(request(), caller.signal)) {
        events.push(event)
        caller.abort('a reason that is no error')
      }
    })()

    await expect(listening).rejects.toMatchObject({ code: 'CANCELLED', reason: 'a reason that is no error' })
    expect(textOf(events).trim()).toBe('half')
    await stage.released?.()
  })

  it('lets go of its provider when nobody listens any more', async () => {
    await using stage = await set('stops in the middle', { text: ['The next one.'] })
    const heard: string[] = []

    for await (const event of stage.model.complete(request(), new AbortController().signal)) {
      heard.push(event.type)
      break
    }

    expect(heard).toEqual(['text'])
    await stage.released?.()
    expect((await resultOf(stage.model)).text).toBe('The next one.')
  })

  it('answers several at a time, each of them its own', async () => {
    const texts = ['one', 'two', 'three', 'four']
    await using stage = await set(...texts.map((text) => ({ text: [text] })))

    const asked = texts.map((text) => request({ messages: [{ role: 'user', text }] }))
    const results = await Promise.all(asked.map((each) => resultOf(stage.model, each)))

    expect(results.map(({ text }) => text).toSorted()).toEqual(texts.toSorted())
  })

  it('works without its object, and copied', async () => {
    await using stage = await set({ text: ['Fine.'] }, { text: ['Fine.'] })
    const { complete } = stage.model

    expect((await resultOf({ ...stage.model, complete })).text).toBe('Fine.')
  })

  it('leaves no rejection without a handler', async () => {
    await new Promise((resolve) => setImmediate(resolve))
    expect(unhandled).toEqual([])
  })

  it('has a name and a provider', async () => {
    await using stage = await set()

    expect(stage.model.name).not.toBe('')
    expect(stage.model.provider).not.toBe('')
  })
})
