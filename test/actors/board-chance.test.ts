/** A board under random writers: no update is lost, and each watcher hears of each change once, in order. */
import { expect, it } from 'vitest'
import {
  board,
  ConflictError,
  fromBehavior,
  type ActorRef,
  type BoardMessage,
  type BoardNews,
  type BoardPut,
  type BoardView,
  type Mailbox,
} from 'troupe'
import { z } from 'zod'
import { lab } from '../kernel/system.ts'
import { chance, type Chance } from '../scenarios/simulation/chance.ts'

const keys = { count: z.number(), log: z.array(z.string()), note: z.string() }
type Keys = typeof keys
type Ref = ActorRef<BoardMessage<Keys>>

const joined = (a: readonly string[], b: readonly string[]): string[] => [...new Set([...a, ...b])]

/** What a watcher makes of its news, and what was wrong with them. */
interface Copy {
  revision: number
  values: Record<string, unknown>
  versions: Record<string, number>
  lagged: boolean
  lags: number
  readonly faults: string[]
}

const take = (copy: Copy, news: BoardNews<Keys>): void => {
  if (news.type === 'board.lagged') {
    if (copy.lagged || news.payload.revision !== copy.revision)
      copy.faults.push(`lagged at ${news.payload.revision}`)
    copy.lagged = true
    copy.lags += 1
    return
  }
  const { revision } = news.payload
  if (news.type === 'board.snapshot') {
    if (revision < copy.revision || (copy.revision >= 0 && !copy.lagged))
      copy.faults.push(`snapshot of ${revision}`)
    Object.assign(copy, {
      revision,
      values: { ...news.payload.values },
      versions: { ...news.payload.versions },
      lagged: false,
    })
    return
  }
  if (copy.lagged || revision !== copy.revision + 1) copy.faults.push(`${revision} after ${copy.revision}`)
  copy.revision = revision
  for (const { key, value, version } of news.payload.changes) {
    if (version !== (copy.versions[key] ?? 0) + 1) copy.faults.push(`${key}@${version}`)
    copy.versions[key] = version
    if (value === undefined) delete copy.values[key]
    else copy.values[key] = value
  }
}

const watching = (ref: Ref, copy: Copy) =>
  fromBehavior<BoardNews<Keys>>((ctx) => {
    ctx.tell(ref, { type: 'board.watch', payload: {} })
    return (news) => take(copy, news)
  })

/** A write of somebody who has seen this much, which may be long ago. */
const putsOf = (random: Chance, line: string, seen: BoardView<Keys> | undefined): BoardPut<Keys>[] => {
  const version = (key: keyof Keys): number => seen?.versions[key] ?? 0
  const text = random.often(0.3) ? undefined : line
  const count: BoardPut<Keys> = {
    key: 'count',
    value: (seen?.values.count ?? 0) + 1,
    expect: version('count'),
  }
  const merged: BoardPut<Keys> = { key: 'log', value: [line] }
  const log = [...(seen?.values.log ?? []), line]
  const replaced: BoardPut<Keys> = { key: 'log', value: log, expect: version('log') }
  const note: BoardPut<Keys> = { key: 'note', value: text, expect: version('note') }
  const blind: BoardPut<Keys> = { key: 'note', value: text }
  return random.oneOf([[count], [merged], [replaced], [note], [blind], [count, merged], [replaced, note]])
}

const seeds = Array.from({ length: 40 }, (_, n) => `board-${n}`)

it.each(seeds)('loses no update and skips no revision (%s)', async (seed) => {
  const random = chance(seed)
  const { system, settle, clock } = await lab()
  const ref = system.spawn(board({ keys, merge: { log: joined } }))
  const mailboxes: Mailbox[] = [{}, { capacity: 2 }, { capacity: 1 }]
  const copies = mailboxes.map((mailbox): Copy => {
    const copy: Copy = { revision: -1, values: {}, versions: {}, lagged: false, lags: 0, faults: [] }
    system.spawn(watching(ref, copy), { mailbox })
    return copy
  })
  const writers: { seen: BoardView<Keys> | undefined }[] = [
    { seen: undefined },
    { seen: undefined },
    { seen: undefined },
  ]
  let [confirmed, counted, conflicts] = [0, 0, 0]
  const lines = new Set<string>()

  const write = async (puts: readonly BoardPut<Keys>[], line: string): Promise<void> => {
    try {
      await system.ask(ref, { type: 'board.batch', payload: { puts } })
      confirmed += 1
      if (puts.some(({ key }) => key === 'count')) counted += 1
      if (puts.some(({ key }) => key === 'log')) lines.add(line)
    } catch (error) {
      expect(error).toBeInstanceOf(ConflictError)
      conflicts += 1
    }
  }
  for (let step = 0; step < 150; step += 1) {
    const writer = random.oneOf(writers)
    if (random.often(0.4)) {
      void system.ask(ref, { type: 'board.get', payload: {} }).then((view) => (writer.seen = view))
    } else {
      const line = `${step}`
      void write(putsOf(random, line, writer.seen), line)
    }
    if (random.often(0.3)) await settle()
    if (random.often(0.1)) await clock.advance(random.below(60))
  }
  await settle()
  await clock.advance(1_000)

  const { revision, values, versions } = await system.ask(ref, { type: 'board.get', payload: {} })
  expect(revision).toBe(confirmed)
  expect(values.count ?? 0).toBe(counted)
  expect(new Set(values.log ?? [])).toEqual(lines)
  expect(values.log?.length ?? 0).toBe(lines.size)
  // Otherwise nothing was tried.
  expect(Math.min(conflicts, counted, lines.size)).toBeGreaterThan(0)
  for (const copy of copies)
    expect(copy).toMatchObject({ revision, values, versions, lagged: false, faults: [] })
  const [quick = -1, ...slow] = copies.map(({ lags }) => lags)
  expect(quick).toBe(0)
  expect(Math.max(...slow)).toBeGreaterThan(0)
  await system.stop()
})
