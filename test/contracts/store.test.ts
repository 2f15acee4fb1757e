/** What every store has to do, over a table of all of them. */
import { ConfigurationError, ConflictError, ProviderError, type Store } from 'troupe'
import { afterAll, describe, expect, it } from 'vitest'
import { chance } from '../scenarios/simulation/chance.ts'
import { cleanUp, kinds } from '../stores/places.ts'

type Entry = { seq: number; value: string }

const append = (run: string, seq: number, value = `${run} ${seq}`) => ({ type: 'append', run, seq, value }) as const
const put = (key: string, more: { value?: string; tag?: string; due?: number; expect?: number } = {}) =>
  ({ type: 'put', table: 'run', key, value: `value of ${key}`, ...more }) as const
const remove = (key: string, expect?: number) => ({ type: 'delete', table: 'run', key, expect }) as const
const blob = (key: string, value: string) => ({ type: 'put', table: 'blob', key, value }) as const

const journal = async (store: Store, run: string, from?: number): Promise<Entry[]> => {
  const entries: Entry[] = []
  for await (const { seq, value } of store.journal(run, from)) entries.push({ seq, value })
  return entries
}
const keys = async (store: Store, query: Partial<Parameters<Store['list']>[1]> = {}): Promise<string[]> =>
  (await store.list('run', { limit: 1_000, ...query })).map(({ key }) => key)
const conflict = { code: 'CONFLICT' }

// Characters that somebody, somewhere on the way, treats as special.
const odd = [
  ...['', '\0', '\0\0a', '\u0001', '\u0001\u0001', '\u0001\u0002', '\u0002', '\ud800', 'a\udc00b', '\udc00\ud800'],
  ...['\ud83d\ude00', '\ud7ff', '\ud7ff\u0001', '\ud7ff\u0002\u0100', '\ue000', '\uffff', '\ufeffa', '\u2028'],
  ...['\r\n', '\t', ' ', ' a ', "'", '"', '\\', '\\x00', '{a,b}', 'NULL', 'null', '%s', '$1', '?', '../..'],
  ...['é', 'e\u0301', 'A', 'a', 'İ', '日本', '-0', '1e400'],
]

describe.each(kinds)('the store $name', ({ durable, place: makePlace }) => {
  afterAll(cleanUp)

  describe('opening and closing', () => {
    it('says whether it is durable', () => {
      expect(makePlace().make().durable).toBe(durable)
    })

    it('refuses everything before it is open, and once it is closed', async () => {
      await using place = makePlace()
      const store = place.make()
      const refusal = { name: 'ProviderError', code: 'STORE', retryable: false }
      const demandRefusals = async () => {
        await expect(store.commit([append('r', 1)])).rejects.toMatchObject(refusal)
        await expect(store.get('run', 'a')).rejects.toMatchObject(refusal)
        await expect(store.list('run', { limit: 1 })).rejects.toMatchObject(refusal)
        await expect(journal(store, 'r')).rejects.toMatchObject(refusal)
        await expect(store.acquire('l', 'me', 1_000)).rejects.toMatchObject(refusal)
        await expect(store.release('l', 1)).rejects.toMatchObject(refusal)
      }
      await demandRefusals()
      await store.open('test')
      await store.commit([append('r', 1)])
      await store.close()
      await demandRefusals()
      await store.close()
    })

    it('has what was committed when it is opened again', async () => {
      await using place = makePlace()
      const first = await place.open()
      await first.commit([append('r', 1), put('a', { tag: 't', due: 5 }), put('b')])
      await first.commit([append('r', 2), put('a', { tag: 't', due: 6.5 }), remove('b')])
      await first.close()

      const second = await place.open()

      expect(await journal(second, 'r')).toEqual([{ seq: 1, value: 'r 1' }, { seq: 2, value: 'r 2' }])
      expect(await second.list('run', { limit: 9 })).toEqual([
        { key: 'a', value: 'value of a', version: 2, tag: 't', due: 6.5 },
      ])
      await second.commit([append('r', 3)])
      expect(await journal(second, 'r', 3)).toEqual([{ seq: 3, value: 'r 3' }])
    })

    it('keeps namespaces apart', async () => {
      await using place = makePlace()
      const one = await place.open('one')
      await one.commit([append('r', 1), put('a')])
      const epoch = await one.acquire('l', 'me', 60_000)
      await one.close()

      const two = await place.open('two')

      expect(await journal(two, 'r')).toEqual([])
      expect(await two.get('run', 'a')).toBeUndefined()
      expect(await two.acquire('l', 'you', 60_000)).toBeDefined()
      await two.commit([append('r', 1, 'of two')])
      await two.close()
      const again = await place.open('one')
      expect(await journal(again, 'r')).toEqual([{ seq: 1, value: 'r 1' }])
      expect(epoch).toBeDefined()
    })

    it('is opened once: again under the same namespace changes nothing, under another one is a mistake', async () => {
      await using place = makePlace()
      const store = await place.open('one')
      await store.commit([append('r', 1)])
      await store.open('one')
      expect(await journal(store, 'r')).toHaveLength(1)
      await expect(store.open('two')).rejects.toThrow(ConfigurationError)
      await expect(place.open('')).rejects.toThrow(ConfigurationError)
      expect(await journal(store, 'r')).toHaveLength(1)
    })

    it('does what was asked before it is closed', async () => {
      await using place = makePlace()
      const store = await place.open()
      const commits = Array.from({ length: 50 }, (_, i) => store.commit([append('r', i + 1)]))
      const closed = store.close()
      await Promise.all([...commits, closed])
      expect(await journal(await place.open(), 'r')).toHaveLength(50)
    })
  })

  describe('a journal', () => {
    it('is read in order, from anywhere, and is empty where nothing was written', async () => {
      await using place = makePlace()
      const store = await place.open()
      await store.commit([append('r', 1), append('other', 1), append('r', 2)])
      await store.commit([append('r', 3)])
      expect(await journal(store, 'r')).toEqual([1, 2, 3].map((seq) => ({ seq, value: `r ${seq}` })))
      expect(await journal(store, 'r', 3)).toEqual([{ seq: 3, value: 'r 3' }])
      expect(await journal(store, 'r', 4)).toEqual([])
      expect(await journal(store, 'nobody')).toEqual([])
    })

    it('has neither gaps nor two lines of one number', async () => {
      await using place = makePlace()
      const store = await place.open()
      await expect(store.commit([append('r', 2)])).rejects.toMatchObject({ ...conflict, expected: 2, actual: 1 })
      await store.commit([append('r', 1)])
      await expect(store.commit([append('r', 1, 'again')])).rejects.toMatchObject(conflict)
      await expect(store.commit([append('r', 3)])).rejects.toMatchObject({ ...conflict, expected: 3, actual: 2 })
      await expect(store.commit([append('r', 2), append('r', 2)])).rejects.toMatchObject(conflict)
      await expect(store.commit([append('r', 2), append('r', 4)])).rejects.toBeInstanceOf(ConflictError)
      expect(await journal(store, 'r')).toEqual([{ seq: 1, value: 'r 1' }])
    })

    it('that is long comes whole, also while it grows', async () => {
      await using place = makePlace()
      const store = await place.open()
      await store.commit(Array.from({ length: 700 }, (_, i) => append('r', i + 1)))
      await store.commit([1, 2, 3].map((seq) => append('big', seq, `${seq}`.repeat(400_000))))
      let read = 0
      for await (const { seq, value } of store.journal('r')) {
        read += 1
        expect([seq, value]).toEqual([read, `r ${read}`])
        if (read === 10) await store.commit([append('r', 701)])
      }
      expect(read).toBeGreaterThanOrEqual(700)
      expect((await journal(store, 'big')).map(({ value }) => value.length)).toEqual([400_000, 400_000, 400_000])
    })

    it('goes with the row of its run', async () => {
      await using place = makePlace()
      const store = await place.open()
      await store.commit([append('r', 1), append('s', 1), put('r'), put('s')])
      await store.commit([{ type: 'delete', table: 'timer', key: 's' }])
      await store.commit([remove('r')])
      expect(await journal(store, 'r')).toEqual([])
      expect(await journal(store, 's')).toHaveLength(1)
      await expect(store.commit([remove('s', 7)])).rejects.toMatchObject(conflict)
      expect(await journal(store, 's')).toHaveLength(1)
      await store.commit([append('r', 1, 'anew'), append('s', 2)])
      expect(await journal(store, 'r')).toEqual([{ seq: 1, value: 'anew' }])
    })
  })

  describe('a commit', () => {
    it('is all or nothing', async () => {
      await using place = makePlace()
      const store = await place.open()
      await store.commit([append('r', 1), put('a', { value: 'old', tag: 't', due: 1 }), put('gone')])
      const doomed = [
        append('r', 2),
        append('new', 1),
        put('a', { value: 'new' }),
        put('b'),
        remove('gone'),
        remove('r'),
        blob('h', 'content'),
        put('c', { expect: 3 }),
      ]

      await expect(store.commit(doomed)).rejects.toMatchObject({ ...conflict, expected: 3, actual: 0 })

      expect(await journal(store, 'r')).toHaveLength(1)
      expect(await journal(store, 'new')).toEqual([])
      expect(await store.get('run', 'a')).toEqual({ key: 'a', value: 'old', version: 1, tag: 't', due: 1 })
      expect(await keys(store)).toEqual(['a', 'gone'])
      expect(await store.get('blob', 'h')).toBeUndefined()
      // Nothing remembers what was undone.
      await store.commit([append('new', 1), append('r', 2), put('a', { expect: 1 })])
      expect(await journal(store, 'r')).toHaveLength(2)
    })

    it('sees what it has written itself', async () => {
      await using place = makePlace()
      const store = await place.open()
      await store.commit([put('a', { expect: 0 }), put('a', { expect: 1 }), remove('a', 2), put('a', { expect: 0 })])
      expect(await store.get('run', 'a')).toMatchObject({ version: 1 })
    })

    it('of nothing is fine', async () => {
      await using place = makePlace()
      const store = await place.open()
      await store.commit([])
      expect(await store.list('run', { limit: 0 })).toEqual([])
    })

    it('checks versions: 0 is a row that must not exist', async () => {
      await using place = makePlace()
      const store = await place.open()
      await expect(store.commit([put('a', { expect: 1 })])).rejects.toMatchObject({ ...conflict, expected: 1, actual: 0 })
      await store.commit([put('a', { expect: 0, value: '1' })])
      await expect(store.commit([put('a', { expect: 0 })])).rejects.toMatchObject({ ...conflict, expected: 0, actual: 1 })
      await store.commit([put('a', { expect: 1, value: '2' })])
      await store.commit([put('a', { value: '3' })])
      expect(await store.get('run', 'a')).toMatchObject({ value: '3', version: 3 })
      await expect(store.commit([remove('a', 2)])).rejects.toMatchObject({ ...conflict, expected: 2, actual: 3 })
      await expect(store.commit([remove('a', 0)])).rejects.toMatchObject({ ...conflict, expected: 0, actual: 3 })
      await store.commit([remove('a', 3)])
      await expect(store.commit([remove('a', 3)])).rejects.toMatchObject({ ...conflict, expected: 3, actual: 0 })
      await store.commit([remove('a'), remove('a', 0)])
      expect(await store.get('run', 'a')).toBeUndefined()
    })

    it('replaces the whole row: a tag and a time that are not given are gone', async () => {
      await using place = makePlace()
      const store = await place.open()
      await store.commit([put('a', { tag: 't', due: 1 })])
      await store.commit([put('a')])
      expect(await store.get('run', 'a')).toMatchObject({ tag: undefined, due: undefined })
      expect(await keys(store, { tag: 't' })).toEqual([])
      expect(await keys(store, { dueBefore: 9 })).toEqual([])
    })

    it('is what it was when it was called', async () => {
      await using place = makePlace()
      const store = await place.open()
      const write = { ...put('a'), value: 'then' }
      const writes = [write]
      const done = store.commit(writes)
      write.value = 'later'
      writes.push({ ...put('b'), value: '' })
      await done
      expect(await store.get('run', 'a')).toMatchObject({ value: 'then' })
      expect(await keys(store)).toEqual(['a'])
    })

    it('comes after those that were called before, and fails alone', async () => {
      await using place = makePlace()
      const store = await place.open()
      // Every tenth is wrong, and does not count.
      const nth = (i: number): number => i + 1 - Math.floor((i + 4) / 10)
      const results = await Promise.allSettled(
        Array.from({ length: 300 }, (_, i) =>
          store.commit(i % 10 === 5 ? [put(`wrong ${i}`), append('r', 1)] : [append('r', nth(i))]),
        ),
      )
      expect(results.flatMap(({ status }, i) => (status === 'rejected' ? [i] : []))).toEqual(
        Array.from({ length: 30 }, (_, i) => i * 10 + 5),
      )
      expect(await journal(store, 'r')).toHaveLength(270)
      expect(await keys(store)).toEqual([])
    })

    it('of two for the same line or row, one wins', async () => {
      await using place = makePlace()
      const store = await place.open()
      const won = async (commits: Promise<void>[]): Promise<number> =>
        (await Promise.allSettled(commits)).filter(({ status }) => status === 'fulfilled').length
      expect(await won([1, 2, 3].map((i) => store.commit([append('r', 1, `${i}`)])))).toBe(1)
      expect(await won([1, 2, 3].map((i) => store.commit([put('a', { expect: 0, value: `${i}` })])))).toBe(1)
      expect(await won([1, 2, 3].map(() => store.commit([remove('a', 1)])))).toBe(1)
    })

    it('takes very many writes', async () => {
      await using place = makePlace()
      const store = await place.open()
      const many = Array.from({ length: 10_000 }, (_, i) => [append('r', i + 1), put(`k${i}`)]).flat()
      await store.commit(many)
      expect(await journal(store, 'r', 9_999)).toHaveLength(2)
      expect(await store.get('run', 'k9999')).toMatchObject({ version: 1 })
    })
  })

  describe('text', () => {
    it('of any kind comes back as it was', async () => {
      await using place = makePlace()
      const store = await place.open()
      for (const text of odd) {
        await store.commit([append(`j${text}`, 1, text), put(text, { value: text, tag: text })])
        expect(await journal(store, `j${text}`)).toEqual([{ seq: 1, value: text }])
        expect(await store.get('run', text)).toMatchObject({ key: text, value: text, tag: text })
        expect(await keys(store, { tag: text })).toEqual([text])
        expect(await store.acquire(text, text, 60_000)).toBeDefined()
        expect(await store.acquire(text, `${text}x`, 60_000)).toBeUndefined()
        await expect(store.commit([put(text, { expect: 7 })])).rejects.toMatchObject({ details: { key: text } })
      }
    })

    it('is in the order of code points, page by page', async () => {
      const seed = process.env['SEED'] ?? String(Date.now())
      const random = chance(seed)
      const pick = (): string => random.oneOf(odd)
      const texts = [...new Set([...odd, ...Array.from({ length: 60 }, () => pick() + pick() + pick())])]
      await using place = makePlace()
      const store = await place.open()
      await store.commit(texts.map((key) => put(key)))
      const paged: string[] = []
      for (let after: string | undefined; ; after = paged.at(-1)) {
        const page = await keys(store, { after, limit: 7 })
        paged.push(...page)
        if (page.length < 7) break
      }
      const points = (text: string): number[] => Array.from(text, (char) => char.codePointAt(0) ?? 0)
      const compare = (a: number[], b: number[]): number => {
        const at = a.findIndex((point, i) => point !== b[i])
        return at < 0 ? a.length - b.length : (a[at] ?? 0) - (b[at] ?? -1)
      }
      expect(paged, `SEED=${seed}`).toEqual(texts.toSorted((a, b) => compare(points(a), points(b))))
    })

    it('of ten megabytes comes back', async () => {
      await using place = makePlace()
      const store = await place.open()
      const [latin, wide] = ['x'.repeat(10_000_000), `${'日ö"\\'.repeat(1_500_000)}\0\ud800`]
      await store.commit([append('r', 1, latin), put('a', { value: wide })])
      expect((await journal(store, 'r'))[0]?.value === latin).toBe(true)
      expect((await store.get('run', 'a'))?.value === wide).toBe(true)
    })

    it('and numbers that cannot be kept are refused by name, and nothing is written', async () => {
      await using place = makePlace()
      const store = await place.open()
      const long = 'ä'.repeat(600)
      const refused = async (promise: Promise<unknown>, where: string): Promise<void> => {
        await expect(promise).rejects.toBeInstanceOf(ProviderError)
        await expect(promise).rejects.toMatchObject({ code: 'BAD_REQUEST', retryable: false })
        await expect(promise).rejects.toThrow(where)
      }
      await refused(store.commit([put('a'), put(long)]), 'writes[1].key is 1200 bytes long, and 1024 is the limit')
      await refused(store.commit([put('a'), append(long, 1)]), 'writes[1].run')
      await refused(store.commit([put('a', { tag: long })]), 'writes[0].tag')
      await refused(store.commit([put('a', { due: Number.NaN })]), 'writes[0].due is NaN')
      await refused(store.commit([put('a', { due: Infinity })]), 'writes[0].due is Infinity')
      await refused(store.commit([put('a', { expect: -1 })]), 'writes[0].expect is -1')
      await refused(store.commit([append('r', 0)]), 'writes[0].seq is 0')
      await refused(store.commit([append('r', 1.5)]), 'writes[0].seq is 1.5')
      // @ts-expect-error what plain JavaScript may hand over
      await refused(store.commit([put('a', { value: 7 })]), 'writes[0].value is number')
      await refused(store.commit([put('a')], { name: long, epoch: 1 }), 'lease.name')
      await refused(store.list('run', { limit: -1 }), 'limit is -1')
      await refused(journal(store, 'r', 0), 'fromSeq is 0')
      await refused(store.acquire(long, 'me', 1), 'lease is 1200 bytes')
      await refused(store.acquire('l', 'me', Number.NaN), 'ttlMs is NaN')
      expect(await keys(store)).toEqual([])
      const longest = 'ä'.repeat(512)
      await store.commit([put(longest, { tag: longest, due: 1 }), append(longest, 1)])
      expect(await keys(store, { tag: longest })).toEqual([longest])
    })
  })

  describe('a list', () => {
    it('goes by time, then by key; rows without a time come last', async () => {
      await using place = makePlace()
      const store = await place.open()
      const dues = { z: 1, b: 20, a: 20, c: -5, d: 0.5 }
      await store.commit([put('y'), ...Object.entries(dues).map(([key, due]) => put(key, { due })), put('x')])
      expect(await keys(store)).toEqual(['c', 'd', 'z', 'a', 'b', 'x', 'y'])
      expect(await keys(store, { limit: 3 })).toEqual(['c', 'd', 'z'])
      expect(await keys(store, { dueBefore: 20 })).toEqual(['c', 'd', 'z'])
      expect(await keys(store, { dueBefore: 20.5, limit: 4 })).toEqual(['c', 'd', 'z', 'a'])
      expect(await store.list('timer', { limit: 9 })).toEqual([])
    })

    it('can be of one tag', async () => {
      await using place = makePlace()
      const store = await place.open()
      await store.commit([
        put('a', { tag: 'open', due: 2 }),
        put('b', { tag: 'done', due: 1 }),
        put('c', { tag: 'open', due: 1 }),
        put('d', { tag: 'open' }),
        put('e'),
      ])
      expect(await keys(store, { tag: 'open' })).toEqual(['c', 'a', 'd'])
      expect(await keys(store, { tag: 'open', dueBefore: 2 })).toEqual(['c'])
      expect(await keys(store, { tag: 'open', after: 'c' })).toEqual(['a', 'd'])
      expect(await keys(store, { tag: 'none' })).toEqual([])
      // Where a row stands does not depend on what is asked for.
      expect(await keys(store, { tag: 'open', after: 'b' })).toEqual(['c', 'a', 'd'])
    })

    it('goes on behind a key', async () => {
      await using place = makePlace()
      const store = await place.open()
      await store.commit([put('a', { due: 1 }), put('b', { due: 1 }), put('c', { due: 0 }), put('d'), put('e')])
      const all: string[] = []
      for (let after: string | undefined; ; after = all.at(-1)) {
        const page = await keys(store, { after, limit: 2 })
        all.push(...page)
        if (page.length === 0) break
      }
      expect(all).toEqual(['c', 'a', 'b', 'd', 'e'])
      expect(await keys(store, { after: 'a', dueBefore: 2 })).toEqual(['b'])
      expect(await keys(store, { after: 'd', dueBefore: 2 })).toEqual([])
    })

    it('leaves nothing out when the key to go on from is gone', async () => {
      await using place = makePlace()
      const store = await place.open()
      await store.commit([put('b'), put('c'), put('d')])
      await store.commit([remove('c')])
      expect(await keys(store, { after: 'c' })).toEqual(['d'])
      await store.commit([put('z', { due: 1 })])
      // Its time is not known any more: rows that have one are told again.
      expect(await keys(store, { after: 'c' })).toEqual(['z', 'd'])
    })
  })

  describe('blobs', () => {
    it('are kept once: the same again changes nothing, another content under the key is a conflict', async () => {
      await using place = makePlace()
      const store = await place.open()
      await store.commit([blob('h', 'content'), blob('h', 'content')])
      await store.commit([blob('h', 'content')])
      expect(await store.get('blob', 'h')).toMatchObject({ value: 'content', version: 1 })
      await expect(store.commit([put('a'), blob('h', 'another')])).rejects.toMatchObject(conflict)
      expect(await store.get('blob', 'h')).toMatchObject({ value: 'content', version: 1 })
      expect(await keys(store)).toEqual([])
      await store.commit([{ ...blob('h', 'content'), tag: 't' }])
      expect(await store.get('blob', 'h')).toMatchObject({ value: 'content', version: 2, tag: 't' })
      await store.commit([{ ...blob('h', 'another'), expect: 2 }])
      expect(await store.get('blob', 'h')).toMatchObject({ value: 'another', version: 3 })
    })
  })

  describe('a lease', () => {
    it('has one owner, who keeps its epoch', async () => {
      await using place = makePlace()
      const store = await place.open()
      const epoch = await store.acquire('l', 'me', 60_000)
      expect(epoch).toBeGreaterThan(0)
      expect(await store.acquire('l', 'you', 60_000)).toBeUndefined()
      expect(await store.acquire('l', 'me', 60_000)).toBe(epoch)
      expect(await store.acquire('other', 'you', 60_000)).not.toBe(epoch)
    })

    it('that ran out or was released goes to the next, with a higher epoch', async () => {
      await using place = makePlace()
      const store = await place.open()
      const first = (await store.acquire('l', 'me', 0)) ?? 0
      const second = (await store.acquire('l', 'you', 60_000)) ?? 0
      expect(second).toBeGreaterThan(first)
      await store.release('l', first)
      expect(await store.acquire('l', 'me', 60_000)).toBeUndefined()
      await store.release('l', second)
      const third = (await store.acquire('l', 'you', 60_000)) ?? 0
      expect(third).toBeGreaterThan(second)
    })

    it('that ran out stays with its owner until somebody else takes it', async () => {
      await using place = makePlace()
      const store = await place.open()
      const epoch = (await store.acquire('l', 'me', 0)) ?? 0
      await store.commit([append('r', 1)], { name: 'l', epoch })
      expect(await store.acquire('l', 'me', 60_000)).toBe(epoch)
    })

    it('goes with a commit: a stale one writes nothing', async () => {
      await using place = makePlace()
      const store = await place.open()
      const stale = { code: 'STALE_EPOCH' }
      await expect(store.commit([append('r', 1)], { name: 'l', epoch: 1 })).rejects.toMatchObject(stale)
      const mine = (await store.acquire('l', 'me', 0)) ?? 0
      await store.commit([append('r', 1)], { name: 'l', epoch: mine })
      const yours = (await store.acquire('l', 'you', 60_000)) ?? 0
      await expect(store.commit([append('r', 2, 'late')], { name: 'l', epoch: mine })).rejects.toMatchObject({
        ...stale,
        expected: mine,
        actual: yours,
      })
      await store.commit([append('r', 2)], { name: 'l', epoch: yours })
      await store.release('l', yours)
      await expect(store.commit([append('r', 3)], { name: 'l', epoch: yours })).rejects.toMatchObject(stale)
      expect(await journal(store, 'r')).toEqual([{ seq: 1, value: 'r 1' }, { seq: 2, value: 'r 2' }])
    })

    it('of another is no concern of a commit beside', async () => {
      await using place = makePlace()
      const store = await place.open()
      const epoch = (await store.acquire('l', 'me', 60_000)) ?? 0
      const results = await Promise.allSettled([
        store.commit([append('a', 1)], { name: 'l', epoch }),
        store.commit([append('b', 1)], { name: 'l', epoch: epoch + 1 }),
        store.commit([append('c', 1)]),
      ])
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
      expect(await journal(store, 'b')).toEqual([])
    })
  })
})
