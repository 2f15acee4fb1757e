/** A stream is listened to as long as the patience lasts, by the system's clock. */
import { CancelledError, ProviderError } from 'troupe'
import { manualClock } from 'troupe/testing'
import { describe, expect, it } from 'vitest'
import { provideClock } from '../../src/contracts/model-notes.ts'
import { guardedStream } from '../../src/models/guarded-stream.ts'

/** A provider that speaks when it is told to, and does not heed its signal unless told to. */
const provider = () => {
  const said: ((result: IteratorResult<string, undefined>) => void)[] = []
  const state = { signal: undefined as AbortSignal | undefined, closed: false }
  const stream: AsyncIterable<string> = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise((resolve) => said.push(resolve)),
      return: async () => {
        state.closed = true
        return { value: undefined, done: true }
      },
    }),
  }
  return {
    state,
    say: (value: string) => said.shift()?.({ value, done: false }),
    end: () => said.shift()?.({ value: undefined, done: true }),
    source: {
      who: 'm at host',
      open: async (signal: AbortSignal) => {
        state.signal = signal
        return stream
      },
      translate: (thrown: unknown) =>
        new ProviderError(`translated ${String(thrown)}`, { code: 'UNAVAILABLE', retryable: true }),
    },
  }
}

const listen = (
  source: ReturnType<typeof provider>['source'],
  patience = { idleMs: 100, totalMs: 1_000 },
) => {
  const clock = manualClock()
  const caller = new AbortController()
  provideClock(caller.signal, clock)
  const heard: string[] = []
  const listening = (async () => {
    for await (const event of guardedStream(source, patience, caller.signal)) heard.push(event)
    return heard
  })()
  listening.catch(() => {})
  return { clock, caller, heard, listening }
}

const settle = () => new Promise((resolve) => setImmediate(resolve))

describe('a stream', () => {
  it('is heard to its end', async () => {
    const { source, say, end } = provider()
    const { listening } = listen(source)
    await settle()
    say('a')
    await settle()
    end()
    expect(await listening).toEqual(['a'])
  })

  it('may be silent for just so long, each time anew', async () => {
    const { source, say, state } = provider()
    const { listening, clock, heard } = listen(source)
    await settle()
    for (const text of ['a', 'b', 'c']) {
      await clock.advance(99)
      say(text)
      await settle()
    }
    expect(heard).toEqual(['a', 'b', 'c'])
    await clock.advance(100)
    await expect(listening).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      retryable: true,
      message: 'm at host sent nothing for 100 ms',
    })
    expect(state).toMatchObject({ signal: { aborted: true }, closed: true })
  })

  it('may go on for just so long in all', async () => {
    const { source, say } = provider()
    const { listening, clock } = listen(source, { idleMs: 100, totalMs: 250 })
    await settle()
    for (const text of ['a', 'b', 'c', 'd']) {
      await clock.advance(60)
      say(text)
      await settle()
    }
    await clock.advance(10)
    await expect(listening).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: 'm at host was still not done after 250 ms',
    })
  })

  it('is not silent while its listener is busy', async () => {
    const { source, say, end } = provider()
    const clock = manualClock()
    const { signal } = new AbortController()
    provideClock(signal, clock)
    const events = guardedStream(source, { idleMs: 100, totalMs: Infinity }, signal)
    const first = events.next()
    await settle()
    say('a')
    await first
    await clock.advance(10_000)
    const second = events.next()
    await settle()
    end()
    expect(await second).toMatchObject({ done: true })
  })

  it('that opens when nobody waits any more is closed', async () => {
    const { source, state } = provider()
    let open!: () => void
    const opened = new Promise<void>((resolve) => (open = resolve))
    const slow = { ...source, open: async (signal: AbortSignal) => (await opened, source.open(signal)) }
    const { listening, caller } = listen(slow)
    caller.abort(new CancelledError('enough'))
    await expect(listening).rejects.toMatchObject({ reason: 'enough' })
    open()
    await settle()
    expect(state.closed).toBe(true)
  })

  it('is not even opened for who has gone before', async () => {
    const { source, state } = provider()
    const events = guardedStream(source, { idleMs: 1, totalMs: 1 }, AbortSignal.abort('gone'))
    await expect(events.next()).rejects.toMatchObject({ code: 'CANCELLED', reason: 'gone' })
    expect(state.signal).toBeUndefined()
  })

  it('that nobody listens to any more is closed, and its request ended', async () => {
    const { source, say, state } = provider()
    const events = guardedStream(source, { idleMs: 100, totalMs: 1_000 }, new AbortController().signal)
    const first = events.next()
    await settle()
    say('a')
    await first
    await events.return()
    expect(state).toMatchObject({ signal: { aborted: true }, closed: true })
  })

  it('that breaks tells so in our words', async () => {
    const { source } = provider()
    const broken = { ...source, open: () => Promise.reject(new TypeError('terminated')) }
    await expect(listen(broken).listening).rejects.toThrow('translated TypeError: terminated')
  })

  it('leaves no listener and no timer behind', async () => {
    const { source, end } = provider()
    const caller = new AbortController()
    const clock = manualClock()
    let armed = 0
    provideClock(caller.signal, {
      ...clock,
      setTimeout: (fn, ms) => ((armed += 1), clock.setTimeout(fn, ms)),
      clearTimeout: (id) => {
        if (id !== undefined) armed -= 1
        clock.clearTimeout(id)
      },
    })
    const events = guardedStream(source, { idleMs: 100, totalMs: 1_000 }, caller.signal)
    const first = events.next()
    await settle()
    expect(armed).toBe(2)
    end()
    await first
    expect(armed).toBe(0)
    caller.abort()
    await settle()
  })
})
