/** Where results go: what is written when, what may not be overwritten, and how a loss is told. */
import { existsSync } from 'node:fs'
import { link, mkdtemp, open, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fileOutput, isBrokenPipe, streamOutput } from '../../src/cli/output.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'troupe-output-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const file = async (name: string, text: string): Promise<string> => {
  const path = join(folder, name)
  await writeFile(path, text)
  return path
}

describe('a file of results', () => {
  it('holds what was written, in order, and says when each has left', async () => {
    const path = join(folder, 'new.jsonl')
    const out = await fileOutput(path, [])
    const left: number[] = []
    for (const n of [1, 2, 3]) await out.write(`${n}\n`, () => left.push(n))
    await out.flush()
    expect(await readFile(path, 'utf8')).toBe('1\n2\n3\n')
    expect(left).toEqual([1, 2, 3])
  })

  it('keeps what was in it until the first result comes', async () => {
    const path = await file('old.jsonl', 'old\nold\n')
    const out = await fileOutput(path, [])
    expect(await readFile(path, 'utf8')).toBe('old\nold\n')
    await out.write('new\n')
    await out.flush()
    expect(await readFile(path, 'utf8')).toBe('new\n')
  })

  it('is empty after a run without results', async () => {
    const path = await file('emptied.jsonl', 'old\n')
    await (await fileOutput(path, [])).flush()
    expect(await readFile(path, 'utf8')).toBe('')
  })

  it.each([
    ['', 'needs the name of a file'],
    ['-', '--json makes them JSONL there'],
    ['.', 'it is a folder'],
    ['no/such/folder/out.jsonl', 'its folder is not there'],
  ])('cannot be %j', async (name, message) => {
    await expect(fileOutput(name, [])).rejects.toThrow(message)
    await expect(fileOutput(name, [])).rejects.toMatchObject({ name: 'UsageError' })
  })

  it('is never what is read, by whatever name or link, or as standard input', async () => {
    const input = await file('in.jsonl', 'mine\n')
    const [hard, soft] = [join(folder, 'hard.jsonl'), join(folder, 'soft.jsonl')]
    await link(input, hard)
    await symlink(input, soft)
    const handle = await open(input)
    for (const name of [input, hard, soft])
      for (const taken of [input, handle.fd])
        await expect(fileOutput(name, [{ what: 'the input', file: taken }])).rejects.toThrow(
          'would overwrite the input',
        )
    await handle.close()
    expect(await readFile(input, 'utf8')).toBe('mine\n')
  })

  it.runIf(existsSync('/dev/full'))('tells that its disk is full, at the latest at its end', async () => {
    const out = await fileOutput('/dev/full', [])
    let left = false
    await out.write('a few bytes\n', () => (left = true))
    await expect(out.flush()).rejects.toMatchObject({ code: 'ENOSPC' })
    expect(left).toBe(false)
  })
})

describe('a stream of results', () => {
  it('takes no more than its reader does', async () => {
    let read: (() => void) | undefined
    const slow = new Writable({ highWaterMark: 4, write: (_chunk, _encoding, done) => void (read = done) })
    let taken = false
    const writing = streamOutput(slow)
      .write('more than fits')
      .then(() => (taken = true))
    await new Promise((resolve) => setImmediate(resolve))
    expect(taken).toBe(false)
    read?.()
    await writing
    expect(taken).toBe(true)
  })

  it('tells of its loss on every write, and when it is flushed', async () => {
    const gone = Object.assign(new Error('gone'), { code: 'EPIPE' })
    const lost = new Writable({ write: (_chunk, _encoding, done) => done(gone) })
    const out = streamOutput(lost)
    let left = false
    await out.write('a', () => (left = true)).catch(() => {})
    await expect(out.flush()).rejects.toBe(gone)
    await expect(out.write('b')).rejects.toBe(gone)
    await expect(out.flush()).rejects.toBe(gone)
    expect(left).toBe(false)
    expect(isBrokenPipe(gone)).toBe(true)
    expect(isBrokenPipe(new Error('other'))).toBe(false)
  })
})
