/**
 * What may happen to a store in a file: other processes, kills, a thread that dies, full and broken disks.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { statSync, symlinkSync, writeFileSync, writeSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Worker } from 'node:worker_threads'
import { ConfigurationError, type Store } from 'troupe'
import { sqlite } from 'troupe/stores/sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { chance } from '../scenarios/simulation/chance.ts'
import { faultsOf, lastOf } from './chain.ts'
import { acknowledged, start, type Program } from './program.ts'

let folder: string
let file: string
let toClose: Store[] = []
let programs: Program[] = []
const threads: Worker[] = []
const noteThread = (thread: Worker): void => void threads.push(thread)

const open = async (path = file): Promise<Store> => {
  const store = sqlite(path)
  toClose.push(store)
  await store.open('test')
  return store
}
const writer = (...args: Parameters<typeof start>): Program => {
  const program = start(...args)
  programs.push(program)
  return program
}
const append = (run: string, seq: number, value = `${run} ${seq}`) => ({ type: 'append', run, seq, value }) as const

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-sqlite-'))
  file = join(folder, 'test.db')
  process.on('worker', noteThread)
})
afterEach(async () => {
  process.off('worker', noteThread)
  for (const program of programs) await program.kill()
  for (const store of toClose) await store.close().catch(() => {})
  toClose = []
  programs = []
  rmSync(folder, { recursive: true })
})

describe('one process at a time', () => {
  it('is told who holds the file, and has it as soon as that process is dead', async () => {
    const other = writer(['test/stores/writer.ts', file])
    await other.printed(2)

    const refusal = await open().catch((error: unknown) => error)

    expect(refusal).toMatchObject({ name: 'ConflictError', code: 'STORE_LOCKED', expected: 'no other process' })
    expect(String(refusal)).toContain(`"${file}"`)
    expect(String(refusal)).toMatch(
      new RegExp(`found process ${other.child.pid} on ${hostname()}, since \\d{4}-\\d\\d-\\d\\dT[0-9:.]+Z`),
    )
    await other.kill()
    const store = await open()
    await store.commit([append('mine', 1)])
  })

  it('refuses a second store of the same process too, by whatever name of the file', async () => {
    const store = await open()
    const link = join(folder, 'link.db')
    symlinkSync(file, link)
    await expect(open()).rejects.toMatchObject({ code: 'STORE_LOCKED' })
    await expect(open(link)).rejects.toMatchObject({ code: 'STORE_LOCKED' })
    await store.close()
    await open(link)
  })

  it('lets other programs read meanwhile', async () => {
    const store = await open()
    await store.commit([append('r', 1)])
    const reader = new DatabaseSync(file, { readOnly: true })
    expect(reader.prepare('SELECT value FROM journal').all()).toMatchObject([{ value: 'r 1' }])
    await store.commit([append('r', 2)])
    reader.close()
  })

  it('ends the leases of the process before', async () => {
    const first = await open()
    const epoch = (await first.acquire('l', 'first', 60_000)) ?? 0
    await first.close()
    const second = await open()
    expect(await second.acquire('l', 'second', 60_000)).toBeGreaterThan(epoch)
  })
})

describe('a kill in the middle of commits', () => {
  it('loses nothing that was acknowledged and leaves nothing half written', async () => {
    const seed = process.env['SEED'] ?? String(Date.now())
    const random = chance(seed)
    const acks = new Map<string, number>()
    for (let round = 0; round < 5; round += 1) {
      const program = writer(['test/stores/writer.ts', file])
      await program.printed(random.between(2, 600))
      await program.kill()
      for (const [run, seq] of acknowledged(program.lines)) acks.set(run, seq)
    }
    const store = await open()
    for (const [run, seq] of acks) {
      expect(await faultsOf(store, run), `SEED=${seed}`).toEqual([])
      const last = await lastOf(store, run)
      // One commit of a run may have been done without its acknowledgement having been printed.
      expect([seq, seq + 1], `SEED=${seed} ${run}`).toContain(last.seq)
    }
    expect(acks.size).toBeGreaterThan(0)
  }, 60_000)
})

describe('a thread that dies', () => {
  it('leaves what was under way unknown; the store goes on, with the leases that it had', async () => {
    const store = await open()
    const epoch = (await store.acquire('l', 'me', 60_000)) ?? 0
    const runs = Array.from({ length: 100 }, (_, i) => `r${i}`)
    const commits = runs.map((run) => store.commit([append(run, 1)], { name: 'l', epoch }))
    const sent = new Promise<void>((resolve) => void setImmediate(resolve))
    await sent
    const later = store.commit([append('later', 1)])
    await threads.at(-1)?.terminate()

    const results = await Promise.allSettled(commits)
    await later

    for (const [i, result] of results.entries()) {
      const { seq } = await lastOf(store, `r${i}`)
      if (result.status === 'fulfilled') expect(seq).toBe(1)
      else expect(result.reason).toMatchObject({ name: 'ProviderError', code: 'STORE', retryable: true })
    }
    expect(results.some(({ status }) => status === 'rejected')).toBe(true)
    expect(await lastOf(store, 'later')).toMatchObject({ seq: 1 })
    await store.commit([append('after', 1)], { name: 'l', epoch })
    expect(await store.acquire('l', 'you', 60_000)).toBeUndefined()
  })

  it('holds no process back, and neither does a store that is merely open', async () => {
    const code = `import { sqlite } from 'troupe/stores/sqlite'
      const store = sqlite(${JSON.stringify(file)}); await store.open('test')
      await store.commit([{ type: 'append', run: 'r', seq: 1, value: 'x' }]); console.log('done')`
    const program = writer(['--input-type=module', '--eval', code])
    await program.ended
    expect(program.lines).toEqual(['done'])
    expect(program.child.exitCode).toBe(0)
  })
})

describe('a broken disk', () => {
  const fault = (more: object) => ({ name: 'ProviderError', code: 'STORE', ...more })
  const isRoot = process.getuid?.() === 0

  it('that is full fails a commit, keeps what was there, and takes more when there is room', async (context) => {
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', folder]).status === 0
    if (!mounted) {
      console.log('skipped, a small file system cannot be mounted here: a full disk')
      return context.skip()
    }
    const ballast = join(folder, 'ballast')
    try {
      const store = await open()
      await store.commit([append('r', 1)])
      writeFileSync(ballast, Buffer.alloc(1_000_000))
      const failed = store.commit([append('r', 2, 'x'.repeat(1_500_000))])
      await expect(failed).rejects.toMatchObject(fault({ retryable: true }))
      await expect(failed).rejects.toThrow(`the store "${file}" has no more room on its disk`)
      expect(await lastOf(store, 'r')).toMatchObject({ seq: 1 })
      rmSync(ballast)
      await store.commit([append('r', 2)])
      expect(await lastOf(store, 'r')).toMatchObject({ seq: 2 })
      await store.close()
    } finally {
      spawnSync('umount', [folder])
    }
  })

  // `prlimit` is of Linux.
  it.skipIf(process.platform !== 'linux')('that refuses to write is told, and written to when it does not any more', async () => {
    // No file may grow past 300 blocks of 512 bytes, until the limit is lifted.
    const code = `import { sqlite } from 'troupe/stores/sqlite'
      import { spawnSync } from 'node:child_process'
      const store = sqlite(${JSON.stringify(file)}); await store.open('test')
      const write = (seq, value) => store.commit([{ type: 'append', run: 'r', seq, value }])
      await write(1, 'x')
      try { await write(2, 'x'.repeat(1_000_000)) } catch (error) { console.log(error.code, error.retryable, error.message) }
      spawnSync('prlimit', ['--pid', process.pid, '--fsize=unlimited'])
      await write(2, 'x'.repeat(1_000_000)); console.log('done')`
    const limited = `trap '' XFSZ; ulimit -S -f 300; exec "$@"`
    const use = ['--import', './test/use-sources.ts', '--input-type=module', '--eval', code]
    const { stdout, stderr } = spawnSync('sh', ['-c', limited, 'sh', process.execPath, ...use], { encoding: 'utf8' })
    expect(stderr).toBe('')
    expect(stdout).toMatch(/^STORE true the store ".*test\.db" could not be read or written \(disk I\/O error\)\ndone\n$/)
    expect((await lastOf(await open(), 'r')).value).toHaveLength(1_000_000)
  })

  it.each([
    ['a read-only file', () => chmodSync(file, 0o444), 'is read-only'],
    ['a read-only folder', () => chmodSync(folder, 0o555), 'cannot be opened; its folder has to exist and be writable'],
  ])('%s is told', async (_, protect, message) => {
    await (await open()).close()
    rmSync(`${file}-lock`)
    chmodSync(folder, 0o777)
    protect()
    const code = `import { sqlite } from 'troupe/stores/sqlite'
      try { await sqlite(${JSON.stringify(file)}).open('test') } catch (error) { console.log(error.code, error.message) }`
    // A superuser may write to anything.
    const program = writer(['--input-type=module', '--eval', code], isRoot ? { uid: 65_534, gid: 65_534 } : {})
    await program.ended
    chmodSync(folder, 0o777)
    expect(program.lines).toEqual([expect.stringContaining(`STORE the store "${file}" ${message}`)])
  })

  it('with a damaged page fails what is on it, and says so', async () => {
    const store = await open()
    for (let seq = 1; seq <= 50; seq += 1) await store.commit([append('r', seq, 'x'.repeat(4_000))])
    await store.commit([append('s', 1)])
    await store.close()
    const handle = openSync(file, 'r+')
    const pages = statSync(file).size / 4_096
    const garbage = Buffer.alloc(4_096, 0xa5)
    for (let page = Math.floor(pages / 2); page < pages - 5; page += 1) {
      writeSync(handle, garbage, 0, 4_096, page * 4_096)
    }
    closeSync(handle)

    const damaged = await open()

    const read = lastOf(damaged, 'r')
    await expect(read).rejects.toMatchObject(fault({ retryable: false }))
    await expect(read).rejects.toThrow(`the store "${file}" is damaged; put a backup in its place`)
    expect(await lastOf(damaged, 's')).toMatchObject({ seq: 1 })
  })

  const foreign = (sql: string): void => new DatabaseSync(file).exec(sql)
  it.each<[string, () => void, string, string]>([
    ['no database', () => writeFileSync(file, 'x'.repeat(9_000)), 'STORE', 'is no SQLite database, or a damaged one'],
    ['in no folder', () => (file = join(folder, 'nowhere', 'test.db')), 'STORE', 'its folder has to exist'],
    ['a folder itself', () => (file = folder), 'STORE', 'cannot be opened'],
    ["another program's", () => foreign('CREATE TABLE theirs (a)'), 'CONFIGURATION', 'is the database of another program'],
    [
      'of a newer version',
      () => foreign('PRAGMA application_id = 0x74727065; PRAGMA user_version = 99'),
      'CONFIGURATION',
      'was written by a newer version of troupe (tables 99, this one knows 1)',
    ],
  ])('a file that is %s is told', async (_, make, code, message) => {
    make()
    const opening = open()
    await expect(opening).rejects.toMatchObject({ code })
    await expect(opening).rejects.toThrow(message)
    await expect(opening).rejects.toThrow(`"${file}"`)
    rmSync(`${folder}-lock`, { force: true })
  })

  it.each(['', ':memory:'])('"%s" is no file', (name) => {
    expect(() => sqlite(name)).toThrow(ConfigurationError)
  })
})
