/** Reading JSONL and CSV: what is a record, what is a fault, and where reading goes on. */
import { describe, expect, it } from 'vitest'
import { readCsv } from '../../src/cli/csv.ts'
import { workOf, type Item } from '../../src/cli/item.ts'
import { readJsonl } from '../../src/cli/jsonl.ts'
import { linesOf } from '../../src/cli/lines.ts'

const bytes = async function* (...chunks: (string | Uint8Array)[]) {
  for (const chunk of chunks) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk
}
const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}
const jsonl = (...chunks: (string | Uint8Array)[]) => all(readJsonl(linesOf(bytes(...chunks), 100)))
const csv = (...chunks: (string | Uint8Array)[]) => all(readCsv(linesOf(bytes(...chunks), 100)))
const faultAt = (item: Item | undefined) => (item && 'fault' in item ? item.fault : undefined)

describe('JSONL', () => {
  it('gives each line as a value, whatever the chunks that it came in', async () => {
    expect(await jsonl('{"a"', ':1}\n"te', 'xt"\n')).toEqual([
      { line: 1, value: { a: 1 } },
      { line: 2, value: 'text' },
    ])
  })

  it('takes a byte order mark, CRLF, empty lines, and a last line without an end', async () => {
    expect(await jsonl('\uFEFF1\r\n\r\n  \n2')).toEqual([
      { line: 1, value: 1 },
      { line: 4, value: 2 },
    ])
  })

  it('names a line that is not JSON, and goes on behind it', async () => {
    const [good, bad, next] = await jsonl('1\n{"a":\n3\n')
    expect(good).toEqual({ line: 1, value: 1 })
    expect(bad?.line).toBe(2)
    expect(faultAt(bad)).toMatchObject({ path: '', message: expect.stringContaining('not JSON') as string })
    expect(next).toEqual({ line: 3, value: 3 })
  })

  it('gives the column of a fault, and does not call every line the first', async () => {
    const [, bad] = await jsonl('1\n{"a":x}\n')
    expect(faultAt(bad)?.message).toMatch(/^not JSON: .*at column 6|^not JSON: Unexpected token/)
    expect(faultAt(bad)?.message).not.toContain('line 1')
    const [control] = await jsonl('"a\u0000"\n')
    expect(faultAt(control)?.message).toMatch(
      /^not JSON: Bad control character in string literal at column 3$/,
    )
  })

  it('tells who brings another kind of file what JSONL is, once', async () => {
    const [text, more] = await jsonl('hello world\nagain\n')
    expect(faultAt(text)?.message).toContain('(a line is a JSON value, such as "some text" in quotes')
    expect(faultAt(more)?.message).not.toContain('(')
    const [list] = await jsonl('[\n{"text":"a"}\n]\n')
    expect(faultAt(list)?.message).toContain('jq -c')
  })

  it('counts the bytes that it has taken, line by line', async () => {
    const tally = { bytes: 0 }
    const lines = linesOf(bytes('1\r\n"ü"\n', '3'), 100, tally)
    const counts: number[] = []
    for await (const _ of lines) counts.push(tally.bytes)
    expect(counts.slice(0, 2)).toEqual([3, 8])
  })

  it('names a line that is too long without keeping it, and goes on behind it', async () => {
    const [long, next] = await jsonl(`"${'x'.repeat(60)}`, 'x'.repeat(500), `"\n2\n`)
    expect(long?.line).toBe(1)
    expect(faultAt(long)?.message).toContain('longer than 100 bytes')
    expect(next).toEqual({ line: 2, value: 2 })
  })

  it('takes a line of exactly the longest length, ended by CRLF', async () => {
    const text = 'x'.repeat(98)
    expect(await jsonl(`"${text}"`, '\r\n1\n')).toEqual([
      { line: 1, value: text },
      { line: 2, value: 1 },
    ])
  })

  it('is not fooled by a return in the middle of a line that is too long', async () => {
    const [long, next] = await jsonl(`"${'x'.repeat(98)}"\r`, 'and more\n2')
    expect(faultAt(long)?.message).toContain('longer than 100 bytes')
    expect(next).toEqual({ line: 2, value: 2 })
  })

  it('names a line that is not UTF-8', async () => {
    const [bad, next] = await jsonl(Buffer.from([0x22, 0xff, 0x22, 0x0a]), '2')
    expect(faultAt(bad)?.message).toContain('not UTF-8')
    expect(next).toEqual({ line: 2, value: 2 })
  })

  it('keeps a character whole that two chunks share', async () => {
    const [first, second] = [Buffer.from('"ü"').subarray(0, 2), Buffer.from('"ü"').subarray(2)]
    expect(await jsonl(first, second)).toEqual([{ line: 1, value: 'ü' }])
  })

  it('gives nothing for nothing', async () => {
    expect(await jsonl()).toEqual([])
    expect(await jsonl('\n\n')).toEqual([])
  })
})

describe('CSV', () => {
  it('gives objects by column, with the line that each starts at', async () => {
    expect(await csv('id,text\r\na,hello\r\n\r\nb,"one, ""two""\r\nthree"\r\nc,end')).toEqual([
      { line: 2, value: { id: 'a', text: 'hello' } },
      { line: 4, value: { id: 'b', text: 'one, "two"\nthree' } },
      { line: 6, value: { id: 'c', text: 'end' } },
    ])
  })

  it('takes a byte order mark, and semicolons or tabs for commas', async () => {
    expect(await csv('\uFEFFid;text\n1;a,b\n')).toEqual([{ line: 2, value: { id: '1', text: 'a,b' } }])
    expect(await csv('id\ttext\n1\t\n')).toEqual([{ line: 2, value: { id: '1', text: '' } }])
  })

  it('names a row with too few or too many columns by the first one that is wrong', async () => {
    const [few, many, good] = await csv('id,text\n1\n1,2,3\n4,5\n')
    expect(faultAt(few)).toEqual({ path: 'text', message: 'expected 2 columns (id, text), got 1' })
    expect(faultAt(many)).toEqual({ path: '', message: 'expected 2 columns (id, text), got 3' })
    expect(good).toEqual({ line: 4, value: { id: '4', text: '5' } })
  })

  it('loses one row, not the rest, to a quote that is never closed', async () => {
    const items = await csv('id,text\n1,"oops\n2,fine\n3,"quite fine"\n')
    expect(items.map(({ line }) => line)).toEqual([2, 3, 4])
    expect(faultAt(items[0])).toBeDefined()
    expect(items.slice(1)).toEqual([
      { line: 3, value: { id: '2', text: 'fine' } },
      { line: 4, value: { id: '3', text: 'quite fine' } },
    ])
  })

  it('loses one row to a quote in the middle of a field', async () => {
    const items = await csv('id,text\n1,5" disk\n2,fine\n')
    expect(faultAt(items[0])?.message).toContain(
      'a quote stands inside a field: put the whole field in quotes',
    )
    expect(items[1]).toEqual({ line: 3, value: { id: '2', text: 'fine' } })
  })

  it('says of a quote what is wrong with it, and where it was opened', async () => {
    const after = await csv('id,text\n1,"a" b\n2,fine\n')
    expect(faultAt(after[0])?.message).toContain('more text follows a quote that closes a field')
    // The quote of line 4 would close the one of line 2, if nothing followed it.
    const open = await csv('id,text\n1,"open\n2,fine\n3,"quoted"\n')
    expect(open.map(({ line }) => line)).toEqual([2, 3, 4])
    expect(faultAt(open[0])?.message).toContain('a quote is opened and not closed')
  })

  it('keeps a lone return as part of a field', async () => {
    expect(await csv('id,text\n1,a\rb\n')).toEqual([{ line: 2, value: { id: '1', text: 'a\rb' } }])
  })

  it('gives a quote up that is open for too many lines, and does not read on for its end', async () => {
    let read = 0
    const lines = async function* () {
      for (const text of ['id,text', '1,"open']) yield { line: ++read, text }
      for (;;) yield { line: ++read, text: '2,fine' }
    }
    const items = readCsv(lines())
    expect(faultAt((await items.next()).value as Item)?.message).toContain('not closed')
    expect(read).toBeLessThan(1_100)
    expect((await items.next()).value).toEqual({ line: 3, value: { id: '2', text: 'fine' } })
    await items.return(undefined)
  })

  it('names a line that is too long, also inside a quoted field', async () => {
    const items = await csv(`id,text\n1,"a\n${'x'.repeat(200)}"\n2,fine\n`)
    expect(items.map(({ line }) => line)).toEqual([2, 3, 4])
    expect(items.map((item) => faultAt(item) === undefined)).toEqual([false, false, true])
  })

  it('demands a header that names each column once', async () => {
    await expect(csv('')).rejects.toThrow('needs a header')
    await expect(csv('id,text,id\n1,2,3')).rejects.toThrow('"id" twice')
    await expect(csv('id,,text,,\n1,2,3,4,5')).rejects.toThrow('does not name the columns 2, 4 and 5')
    await expect(csv('id,"text\n1,2')).rejects.toThrow('a quote is opened and not closed')
  })

  it('takes one column without a name, as tables with row numbers have it', async () => {
    expect(await csv(',text\n0,a\n')).toEqual([{ line: 2, value: { '': '0', text: 'a' } }])
  })
})

describe('a record as the input of an agent', () => {
  const input = (value: unknown, takesText: boolean) => workOf({ line: 3, value }, takesText).input

  it('is itself where the agent takes values', () => {
    expect(input({ text: 'a' }, false)).toEqual({ value: { text: 'a' } })
    expect(input(7, false)).toEqual({ value: 7 })
  })

  it('is its text where the agent takes text', () => {
    expect(input('a', true)).toEqual({ value: 'a' })
    expect(input({ text: 'a', more: 1 }, true)).toEqual({ value: 'a' })
  })

  it('names the path where there is no text, and what is there instead', () => {
    const cases: [unknown, string][] = [
      [
        { body: 'a', label: 1 },
        'got an object with body, label; name the column of a CSV, or the key, that holds the text `text`',
      ],
      [{}, 'got an empty object'],
      [{ text: 7 }, 'expected a text, got a number'],
      [{ text: null }, 'expected a text, got null'],
      [7, 'got a number'],
      [['a'], 'got a list'],
      [null, 'got null'],
    ]
    for (const [value, message] of cases) {
      const given = input(value, true)
      expect('error' in given && given.error).toMatchObject({
        code: 'INVALID_MESSAGE',
        faults: [{ path: 'text', message: expect.stringContaining(message) as string }],
        message: expect.stringContaining('line 3') as string,
      })
    }
  })

  it('carries a text or a number as its id, and nothing else', () => {
    expect(workOf({ line: 1, value: { id: 't1' } }, false).id).toBe('t1')
    expect(workOf({ line: 1, value: { id: 7, text: '' } }, true).id).toBe(7)
    expect(workOf({ line: 1, value: { id: {} } }, false).id).toBeUndefined()
    expect(workOf({ line: 1, value: 'id' }, true).id).toBeUndefined()
  })
})
