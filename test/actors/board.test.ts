/** The board as an actor: versions, merges, and what its watchers are told. */
import { describe, expect, it } from 'vitest'
import {
  board,
  boardProtocol,
  ConflictError,
  fromBehavior,
  InvalidMessageError,
  tell,
  type ActorRef,
  type BoardMessage,
  type BoardNews,
  type BoardPut,
  type Mailbox,
  type MessageOf,
} from 'troupe'
import { assign, setup } from 'xstate'
import { z } from 'zod'
import { failure, lab, type Lab } from '../kernel/system.ts'

const keys = { title: z.string(), count: z.number(), words: z.array(z.string()) }
type Paper = typeof keys
const protocol = boardProtocol(keys)
const paper = () =>
  board({ keys, merge: { words: (current, incoming) => [...current, ...incoming], count: boom } })
const boom = (current: number, incoming: number): number => {
  if (incoming < 0) throw new Error('no sum')
  return current + incoming
}

interface Desk extends Lab {
  readonly ref: ActorRef<BoardMessage<Paper>>
  put(put: BoardPut<Paper>): Promise<number>
  batch(...puts: readonly BoardPut<Paper>[]): Promise<readonly number[]>
  view(): Promise<{ revision: number; values: object; versions: object }>
}

const desk = async (): Promise<Desk> => {
  const on = await lab()
  const ref = on.system.spawn(paper(), { id: 'paper' })
  return {
    ...on,
    ref,
    put: (put) => on.system.ask(ref, { type: 'board.put', payload: put }),
    batch: (...puts) => on.system.ask(ref, { type: 'board.batch', payload: { puts } }),
    view: () => on.system.ask(ref, { type: 'board.get', payload: {} }),
  }
}

type News = BoardNews<Paper>

/** Watches, and writes down what it hears as `snapshot 1 {...}`. */
const reader = (heard: string[], ref: ActorRef<BoardMessage<Paper>>, keysOf?: readonly (keyof Paper)[]) =>
  fromBehavior<News>((ctx) => {
    ctx.tell(ref, { type: 'board.watch', payload: { keys: keysOf } })
    return (news) => void heard.push(inShort(news))
  })
const inShort = (news: News): string => {
  if (news.type === 'board.lagged') return `lagged ${news.payload.revision}`
  if (news.type === 'board.snapshot')
    return `snapshot ${news.payload.revision} ${JSON.stringify(news.payload.values)}`
  const changes = news.payload.changes.map(
    ({ key, value, version }) => `${key}@${version}=${JSON.stringify(value)}`,
  )
  return `changed ${news.payload.revision} ${changes.join(' ')}`
}

describe('a write', () => {
  it('raises the version of its key and the revision of the board by one', async () => {
    const { put, view } = await desk()
    expect(await put({ key: 'title', value: 'a' })).toBe(1)
    expect(await put({ key: 'title', value: 'b' })).toBe(2)
    expect(await put({ key: 'words', value: ['x'] })).toBe(1)
    expect(await view()).toEqual({
      revision: 3,
      values: { title: 'b', words: ['x'] },
      versions: { title: 2, words: 1 },
    })
  })

  it('that expects another version is a ConflictError with the current one, and changes nothing', async () => {
    const { put, view } = await desk()
    await put({ key: 'title', value: 'a', expect: 0 })
    const before = await view()
    const error = await failure(put({ key: 'title', value: 'b', expect: 0 }))
    expect(error).toBeInstanceOf(ConflictError)
    expect(error).toMatchObject({ code: 'CONFLICT', expected: 0, actual: 1, retryable: true })
    await failure(put({ key: 'title', value: 'b', expect: 2 }))
    expect(await view()).toEqual(before)
    expect(await put({ key: 'title', value: 'b', expect: 1 })).toBe(2)
  })

  it('without `expect` replaces', async () => {
    const { put, view } = await desk()
    await put({ key: 'title', value: 'a' })
    await put({ key: 'title', value: 'b' })
    expect(await view()).toMatchObject({ values: { title: 'b' } })
  })

  it('of `undefined` deletes, and leaves a version that a later writer has to name', async () => {
    const { put, view } = await desk()
    await put({ key: 'title', value: 'a' })
    expect(await put({ key: 'title', value: undefined, expect: 1 })).toBe(2)
    expect(await view()).toEqual({ revision: 2, values: {}, versions: { title: 2 } })
    // 0 would say that it has never existed.
    expect(await failure(put({ key: 'title', value: 'b', expect: 0 }))).toMatchObject({ actual: 2 })
    expect(await failure(put({ key: 'title', value: 'b', expect: 1 }))).toMatchObject({ actual: 2 })
    expect(await put({ key: 'title', value: 'b', expect: 2 })).toBe(3)
  })

  it('of several keys is one revision', async () => {
    const { batch, view } = await desk()
    expect(await batch({ key: 'title', value: 'a' }, { key: 'words', value: ['x'] })).toEqual([1, 1])
    expect(await view()).toMatchObject({ revision: 1 })
    expect(await batch()).toEqual([])
    expect(await view()).toMatchObject({ revision: 1 })
  })

  it('of several keys is all or nothing', async () => {
    const { put, batch, view } = await desk()
    await put({ key: 'title', value: 'a' })
    const before = await view()
    const puts: readonly BoardPut<Paper>[] = [
      { key: 'words', value: ['x'] },
      { key: 'title', value: 'b', expect: 0 },
    ]
    expect(await failure(batch(...puts))).toBeInstanceOf(ConflictError)
    expect(await view()).toEqual(before)
  })
})

describe('a merge', () => {
  it('joins what its writer had not seen: an older version, or none named', async () => {
    const { put, view } = await desk()
    await put({ key: 'words', value: ['a'], expect: 0 })
    await put({ key: 'words', value: ['b'], expect: 0 })
    await put({ key: 'words', value: ['c'] })
    expect(await view()).toMatchObject({ values: { words: ['a', 'b', 'c'] }, versions: { words: 3 } })
  })

  it('leaves alone what its writer had seen', async () => {
    const { put, view } = await desk()
    await put({ key: 'words', value: ['a'] })
    await put({ key: 'words', value: ['b'], expect: 1 })
    expect(await view()).toMatchObject({ values: { words: ['b'] } })
  })

  it('does not bring back what was deleted', async () => {
    const { put } = await desk()
    await put({ key: 'words', value: ['a'] })
    await put({ key: 'words', value: undefined })
    expect(await failure(put({ key: 'words', value: ['b'], expect: 1 }))).toMatchObject({
      expected: 1,
      actual: 2,
    })
  })

  it('does not know versions that are still to come', async () => {
    const { put } = await desk()
    await put({ key: 'words', value: ['a'] })
    expect(await failure(put({ key: 'words', value: ['b'], expect: 7 }))).toMatchObject({ actual: 1 })
  })

  it('that throws is told to the writer, and the board goes on', async () => {
    const { put, view } = await desk()
    await put({ key: 'count', value: 1 })
    expect(await failure(put({ key: 'count', value: -1 }))).toMatchObject({
      code: 'DEFECT',
      message: 'no sum',
    })
    expect(await put({ key: 'count', value: 2 })).toBe(2)
    expect(await view()).toMatchObject({ revision: 2, values: { count: 3 } })
  })
})

describe('what is none of the board’s', () => {
  it('is refused with the path of each fault, and changes nothing', async () => {
    const { batch, view, system, ref } = await desk()
    const wrong = [
      { key: 'title', value: 7 },
      { key: 'tilte', value: 'a' },
      { key: 'words', value: ['a', 1] },
    ]
    const error = await failure(batch(...(wrong as never[])))
    expect(error).toBeInstanceOf(InvalidMessageError)
    expect((error as InvalidMessageError).faults.map(({ path }) => path)).toEqual([
      'title',
      'tilte',
      'words.1',
    ])
    expect(error.message).toContain('title, count, words')
    const twice = [
      { key: 'title', value: 'a' },
      { key: 'title', value: 'b' },
    ] as const
    expect(await failure(batch(...twice))).toMatchObject({ code: 'INVALID_MESSAGE' })
    const unknown = system.ask(ref, { type: 'board.get', payload: { keys: ['toString'] } } as never)
    expect(await failure(unknown)).toMatchObject({ code: 'INVALID_MESSAGE' })
    expect(await view()).toMatchObject({ revision: 0 })
  })

  it('does not even come in where the protocol is asked', async () => {
    const { system, buried } = await desk()
    const guarded = system.spawn(paper(), { protocol: protocol.board })
    const put = { type: 'board.put', payload: { key: 'words', value: [1] } } as never
    expect(await failure(system.ask(guarded, put))).toMatchObject({ faults: [{ path: 'payload.value.0' }] })
    expect(buried()).toEqual(['board.put invalid'])
    const deletion = { type: 'board.put', payload: { key: 'title', value: undefined } } as const
    expect(await system.ask(guarded, deletion)).toBe(1)
  })

  it('is logged when nobody waits for the answer', async () => {
    const { system, ref, settle, logged, buried } = await desk()
    system.tell(ref, { type: 'board.put', payload: { key: 'title', value: 'a' } })
    system.tell(ref, { type: 'board.put', payload: { key: 'title', value: 'b', expect: 0 } })
    await settle()
    expect(logged).toEqual(['warn a message to a board was refused'])
    expect(buried()).toEqual([])
  })

  it('is unhandled when it is another message', async () => {
    const { system, ref, settle, events } = await desk()
    system.tell(ref, { type: 'board.burn' } as never)
    await settle()
    expect(events.at(-1)).toMatchObject({ type: 'message.unhandled', ref })
  })
})

it('begins empty when it is restarted', async () => {
  const { system, settle } = await desk()
  const ref = system.spawn(paper(), { restart: 'permanent' })
  await system.ask(ref, { type: 'board.put', payload: { key: 'title', value: 'a' } })
  system.kill(ref)
  await settle()
  expect(await system.ask(ref, { type: 'board.get', payload: {} })).toEqual({
    revision: 0,
    values: {},
    versions: {},
  })
})

it('needs a key', () => {
  expect(() => board({ keys: {} })).toThrow('at least one key')
  expect(() => boardProtocol({})).toThrow('at least one key')
})

describe('a watcher', () => {
  it('gets a snapshot, then each later change once, in order', async () => {
    const { system, ref, put, batch, settle } = await desk()
    await put({ key: 'title', value: 'a' })
    const heard: string[] = []
    system.spawn(reader(heard, ref))
    await settle()
    await put({ key: 'title', value: 'b' })
    await batch({ key: 'title', value: undefined }, { key: 'count', value: 1 })
    await settle()
    expect(heard).toEqual([
      'snapshot 1 {"title":"a"}',
      'changed 2 title@2="b"',
      'changed 3 title@3=undefined count@1=1',
    ])
  })

  it('hears of its keys only', async () => {
    const { system, ref, put, batch, settle } = await desk()
    const heard: string[] = []
    system.spawn(reader(heard, ref, ['count']))
    await settle()
    await put({ key: 'title', value: 'a' })
    await batch({ key: 'title', value: 'b' }, { key: 'count', value: 1 })
    await settle()
    expect(heard).toEqual(['snapshot 0 {}', 'changed 2 count@1=1'])
  })

  it('watches more when it says so again, and less when it takes that back', async () => {
    const { system, ref, put, settle } = await desk()
    const heard: string[] = []
    type Order = News | { type: 'more' } | { type: 'less' } | { type: 'nothing' }
    const watcher = system.spawn(
      fromBehavior<Order>((ctx) => {
        ctx.tell(ref, { type: 'board.watch', payload: { keys: ['count'] } })
        return (message) => {
          if (message.type === 'more') ctx.tell(ref, { type: 'board.watch', payload: { keys: ['title'] } })
          else if (message.type === 'less')
            ctx.tell(ref, { type: 'board.unwatch', payload: { keys: ['count'] } })
          else if (message.type === 'nothing') ctx.tell(ref, { type: 'board.unwatch', payload: {} })
          else heard.push(inShort(message))
        }
      }),
    )
    const write = async (): Promise<void> => {
      await settle()
      await put({ key: 'title', value: 'a' })
      await put({ key: 'count', value: 1 })
      await settle()
    }
    await write()
    for (const type of ['more', 'less', 'nothing'] as const) {
      system.tell(watcher, { type })
      await write()
    }
    expect(heard).toEqual([
      'snapshot 0 {}',
      'changed 2 count@1=1',
      'snapshot 2 {"title":"a","count":1}',
      'changed 3 title@2="a"',
      'changed 4 count@2=2',
      'changed 5 title@3="a"',
    ])
  })

  it('is forgotten when it is gone', async () => {
    const { system, ref, put, settle, buried } = await desk()
    const watcher = system.spawn(reader([], ref))
    await settle()
    await system.stop(watcher)
    await put({ key: 'title', value: 'a' })
    await settle()
    expect(buried()).toEqual([])
  })

  it('that restarts gets a new snapshot when it watches again, and each change once', async () => {
    const { system, ref, put, settle } = await desk()
    const heard: string[] = []
    const watcher = system.spawn(reader(heard, ref), { restart: 'permanent' })
    await settle()
    system.kill(watcher)
    await settle()
    await put({ key: 'title', value: 'a' })
    await settle()
    expect(heard).toEqual(['snapshot 0 {}', 'snapshot 0 {}', 'changed 1 title@1="a"'])
  })

  it('is an actor: nobody outside can watch', async () => {
    const { system, ref } = await desk()
    const error = await failure(system.ask(ref, { type: 'board.watch', payload: {} }))
    expect(error).toMatchObject({
      code: 'INVALID_MESSAGE',
      message: expect.stringContaining('only an actor'),
    })
  })

  it('may be a machine', async () => {
    const { system, ref, put, settle } = await desk()
    const machine = setup({
      types: { context: {} as { revision: number }, events: {} as MessageOf<typeof protocol.watcher> },
    }).createMachine({
      context: { revision: -1 },
      entry: tell(ref, { type: 'board.watch', payload: {} }),
      on: {
        'board.snapshot': { actions: assign({ revision: ({ event }) => event.payload.revision }) },
        'board.changed': { actions: assign({ revision: ({ event }) => event.payload.revision }) },
      },
    })
    const watcher = system.spawn(machine)
    await settle()
    await put({ key: 'title', value: 'a' })
    await settle()
    expect(system.actor(watcher).getSnapshot().context).toEqual({ revision: 1 })
  })

  it('asks for the watch and is told when it stands', async () => {
    const { system, ref, settle } = await desk()
    const heard: unknown[] = []
    system.spawn(
      fromBehavior<News | { type: 'stands' }>((ctx) => {
        ctx.pipe(ctx.ask(ref, { type: 'board.watch', payload: {} }), () => ({ type: 'stands' }))
        return ({ type }) => void heard.push(type)
      }),
    )
    await settle()
    expect(heard).toEqual(['board.snapshot', 'stands'])
  })
})

describe('a watcher that is too slow', () => {
  /**
   * A board takes a batch of messages in one go; what it tells meanwhile waits in the mailbox of the watcher.
   */
  const slow = async (mailbox: Mailbox) => {
    const on = await desk()
    const heard: string[] = []
    const watcher = on.system.spawn(reader(heard, on.ref), { mailbox })
    await on.settle()
    heard.length = 0
    const flood = async (count: number): Promise<void> => {
      for (let n = 1; n <= count; n += 1) {
        on.system.tell(on.ref, { type: 'board.put', payload: { key: 'title', value: String(n) } })
      }
      await on.settle()
    }
    return { ...on, heard, flood, watcher }
  }

  it('is told so, and gets a snapshot once it has caught up: no gap is silent', async () => {
    const { heard, flood, settle, clock, put } = await slow({ capacity: 3 })
    await flood(8)
    expect(heard).toEqual(['changed 1 title@1="1"', 'changed 2 title@2="2"', 'changed 3 title@3="3"'])
    await clock.advance(50)
    expect(heard.slice(3)).toEqual(['lagged 3', 'snapshot 8 {"title":"8"}'])
    await put({ key: 'title', value: '9' })
    await settle()
    expect(heard.slice(5)).toEqual(['changed 9 title@9="9"'])
  })

  it('hears both also where its mailbox holds one message at a time', async () => {
    const { heard, flood, clock } = await slow({ capacity: 1 })
    await flood(4)
    await clock.advance(200)
    expect(heard).toEqual(['changed 1 title@1="1"', 'lagged 1', 'snapshot 4 {"title":"4"}'])
  })

  it('hears of it where its mailbox drops the oldest', async () => {
    const { heard, flood, clock } = await slow({ capacity: 2, overflow: 'drop-oldest' })
    await flood(5)
    expect(heard).toEqual(['changed 2 title@2="2"', 'changed 3 title@3="3"'])
    await clock.advance(50)
    expect(heard.slice(2)).toEqual(['lagged 0', 'snapshot 5 {"title":"5"}'])
  })

  it('is let go when it dies meanwhile', async () => {
    const { flood, clock, system, watcher, buried } = await slow({ capacity: 1 })
    await flood(4)
    buried()
    await system.stop(watcher)
    await clock.advance(1_000)
    expect(buried()).toEqual([])
  })
})
