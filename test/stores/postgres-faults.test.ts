/**
 * What may happen to a store in PostgreSQL: lost connections, other processes, leases that run out, kills.
 */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { ConfigurationError, type Store } from 'troupe'
import { postgres } from 'troupe/stores/postgres'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { chance } from '../scenarios/simulation/chance.ts'
import { root } from '../tools.ts'
import { faultsOf, lastOf } from './chain.ts'
import { ask, dropSchemas, isReachable, prefix, url } from './postgres-server.ts'
import { acknowledged, start, type Program } from './program.ts'

let schema: string
let toClose: Store[] = []
let programs: Program[] = []
let tests = 0

/** A URL whose connections can be told from those of others. */
const named = (name: string): string => {
  const own = new URL(url)
  own.searchParams.set('application_name', `${schema}_${name}`)
  return own.href
}
const open = async (name = 'store', connections = 3): Promise<Store> => {
  const store = postgres(named(name), { schema, connections })
  toClose.push(store)
  await store.open('test')
  return store
}
const append = (run: string, seq: number, value = `${run} ${seq}`) => ({ type: 'append', run, seq, value }) as const

/** Nobody can write to the journal until this is ended. */
const barrier = async (): Promise<AsyncDisposable> => {
  const { Client } = await import('pg')
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query(`BEGIN; LOCK TABLE "${schema}_test".journal IN EXCLUSIVE MODE`)
  return { [Symbol.asyncDispose]: () => client.end() }
}
/** Resolves when a connection of a store waits for somebody's lock. */
const waits = (name: string): Promise<unknown> =>
  vi.waitFor(async () => {
    const sql = `SELECT 1 FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'`
    expect(await ask(sql, [`${schema}_${name}`])).not.toEqual([])
  }, 10_000)
const disconnect = (name: string): Promise<unknown> =>
  ask('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [`${schema}_${name}`])

beforeEach(() => {
  tests += 1
  schema = `${prefix}_f${tests}`
})
afterEach(async () => {
  for (const program of programs) await program.kill()
  for (const store of toClose) await store.close()
  toClose = []
  programs = []
})
afterAll(() => (isReachable ? dropSchemas() : undefined))

describe.skipIf(!isReachable)('a connection that is lost', () => {
  it('leaves what was under way unknown, and the store goes on with another one', async () => {
    const store = await open()
    await store.commit([append('r', 1)])
    const lost = await (async () => {
      await using _ = await barrier()
      const commit = store.commit([append('r', 2)]).catch((error: unknown) => error)
      await waits('store')
      await disconnect('store')
      return commit
    })()

    expect(lost).toMatchObject({ name: 'ProviderError', code: 'STORE', retryable: true })
    expect(await lastOf(store, 'r')).toMatchObject({ seq: 1 })
    await store.commit([append('r', 2)])
    expect(await lastOf(store, 'r')).toMatchObject({ seq: 2 })
  })

  it('without a word, in the middle of a commit, is a failed commit and no crash', async () => {
    const sockets: Socket[] = []
    await using proxy = createServer((socket) => {
      const server = connect(Number(new URL(url).port || 5432), new URL(url).hostname)
      sockets.push(socket)
      socket.pipe(server).pipe(socket)
      for (const end of [socket, server]) end.on('error', () => {})
    }).listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    const through = new URL(named('proxied'))
    through.host = `127.0.0.1:${(proxy.address() as AddressInfo).port}`
    const store = postgres(through.href, { schema, connections: 1 })
    toClose.push(store)
    await store.open('test')
    const lost = await (async () => {
      await using _ = await barrier()
      const commit = store.commit([append('r', 1)]).catch((error: unknown) => error)
      await waits('proxied')
      for (const socket of sockets) socket.resetAndDestroy()
      return commit
    })()
    expect(lost).toMatchObject({ name: 'ProviderError', code: 'STORE', retryable: true })
    expect([0, 1]).toContain((await lastOf(store, 'r')).seq)
    await store.close()
  })

  it('while nobody uses it is no concern of anybody', async () => {
    const store = await open('idle', 1)
    await disconnect('idle')
    // The driver learns of it by itself, a moment later.
    await vi.waitFor(() => store.commit([append('r', 1)]), 10_000)
    expect(await lastOf(store, 'r')).toMatchObject({ seq: 1 })
  })
})

describe.skipIf(!isReachable)('two owners', () => {
  const late = { code: 'STALE_EPOCH' }

  it('the write of the one whose lease ran out is refused', async () => {
    const [first, second] = [await open('first'), await open('second')]
    const mine = (await first.acquire('l', 'first', 0)) ?? 0
    await first.commit([append('r', 1)], { name: 'l', epoch: mine })
    const yours = (await second.acquire('l', 'second', 60_000)) ?? 0
    await second.commit([append('r', 2)], { name: 'l', epoch: yours })
    await expect(first.commit([append('r', 3, 'late')], { name: 'l', epoch: mine })).rejects.toMatchObject(late)
    expect(await first.acquire('l', 'first', 60_000)).toBeUndefined()
    expect(await lastOf(first, 'r')).toEqual({ seq: 2, value: 'r 2' })
  })

  it('a lease ends by the clock of the server', async () => {
    const [first, second] = [await open('first'), await open('second')]
    vi.spyOn(Date, 'now').mockReturnValue(0)
    await first.acquire('l', 'first', 60_000)
    expect(await second.acquire('l', 'second', 60_000)).toBeUndefined()
    await ask(`UPDATE "${schema}_test".lease SET until = until - interval '61 s'`)
    expect(await second.acquire('l', 'second', 60_000)).toBeDefined()
    vi.restoreAllMocks()
  })

  it('a write that is under way comes before the next owner, or not at all', async () => {
    const [first, second] = [await open('first'), await open('second')]
    const mine = (await first.acquire('l', 'first', 0)) ?? 0
    const blocked = await barrier()
    const writing = first.commit([append('r', 1)], { name: 'l', epoch: mine })
    await waits('first')
    const acquiring = second.acquire('l', 'second', 60_000)
    await waits('second')
    await blocked[Symbol.asyncDispose]()

    const epoch = (await acquiring) ?? 0

    await writing
    expect(await lastOf(second, 'r')).toMatchObject({ seq: 1 })
    await second.commit([append('r', 2)], { name: 'l', epoch })
  })

  it('of many that want a lease at once, one gets it', async () => {
    const stores = await Promise.all(Array.from({ length: 5 }, (_, i) => open(`o${i}`)))
    const epochs = await Promise.all(stores.map((store, i) => store.acquire('l', `owner ${i}`, 60_000)))
    expect(epochs.filter((epoch) => epoch !== undefined)).toHaveLength(1)
  })

  it('of many that write the same line or row, one wins', async () => {
    const stores = await Promise.all(Array.from({ length: 5 }, (_, i) => open(`o${i}`)))
    const row = (i: number) => ({ type: 'put', table: 'run', key: 'a', value: `${i}`, expect: 0 }) as const
    for (let seq = 1; seq <= 20; seq += 1) {
      const appended = await Promise.allSettled(stores.map((store) => store.commit([append('r', seq)])))
      expect(appended.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      for (const one of appended) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'CONFLICT' })
    }
    const put = await Promise.allSettled(stores.map((store, i) => store.commit([row(i)])))
    expect(put.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  it('that take rows in opposite order all get through', async () => {
    // The server finds a deadlock within a second; here at once, so that there are many of them.
    const hasty = new URL(url)
    hasty.searchParams.set('options', '-c deadlock_timeout=5ms')
    const stores = Array.from({ length: 4 }, () => postgres(hasty.href, { schema, connections: 1 }))
    toClose.push(...stores)
    for (const store of stores) await store.open('test')
    const put = (key: string) => ({ type: 'put', table: 'run', key, value: '' }) as const
    const many = Array.from({ length: 200 }, (_, i) => put(`k${i}`))
    const order = (i: number) => {
      const turned = [...many.slice(i * 50), ...many.slice(0, i * 50)]
      return i % 2 === 0 ? turned : turned.toReversed()
    }
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(stores.map((store, i) => store.commit(order(i))))
    }
    expect(await stores[0]?.get('run', 'k7')).toMatchObject({ version: 40 })
  })
})

describe.skipIf(!isReachable)('a kill in the middle of commits', () => {
  it('loses nothing that was acknowledged and leaves nothing half written', async () => {
    await open()
    const seed = process.env['SEED'] ?? String(Date.now())
    const random = chance(seed)
    const acks = new Map<string, number>()
    for (let round = 0; round < 3; round += 1) {
      const program = start(['test/stores/writer.ts', named(`writer${round}`), schema])
      programs.push(program)
      await program.printed(random.between(2, 300))
      await program.kill()
      for (const [run, seq] of acknowledged(program.lines)) acks.set(run, seq)
      // What the server is at when its client dies is done to its end.
      const sql = 'SELECT 1 FROM pg_stat_activity WHERE application_name = $1'
      await vi.waitFor(async () => expect(await ask(sql, [`${schema}_writer${round}`])).toEqual([]), 10_000)
    }
    const store = await open('reader')
    for (const [run, seq] of acks) {
      expect(await faultsOf(store, run), `SEED=${seed}`).toEqual([])
      expect([seq, seq + 1], `SEED=${seed} ${run}`).toContain((await lastOf(store, run)).seq)
    }
    expect(acks.size).toBeGreaterThan(0)
  }, 60_000)
})

describe.skipIf(!isReachable)('opening', () => {
  it('makes the tables once, however many processes open at once', async () => {
    const stores = await Promise.all(Array.from({ length: 6 }, (_, i) => open(`o${i}`, 1)))
    await Promise.all(stores.map((store, i) => store.commit([append(`r${i}`, 1)])))
    expect(await ask(`SELECT version FROM "${schema}_test".version`)).toEqual([{ version: 1 }])
  })

  it('commits durably on a server that would not by itself', async () => {
    const careless = new URL(named('careless'))
    careless.searchParams.set('options', '-c synchronous_commit=off')
    const store = postgres(careless.href, { schema, connections: 1 })
    toClose.push(store)
    await store.open('test')
    await ask(`CREATE TABLE "${schema}_test".seen (setting text);
      CREATE FUNCTION "${schema}_test".see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO "${schema}_test".seen VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$;
      CREATE CONSTRAINT TRIGGER see AFTER INSERT ON "${schema}_test".journal DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION "${schema}_test".see()`)
    await store.commit([append('r', 1)])
    // At the very end of the transaction.
    expect(await ask(`SELECT * FROM "${schema}_test".seen`)).toEqual([{ setting: 'on' }])
  })

  it('refuses tables of a newer version, and works in a schema that somebody made', async () => {
    await ask(`CREATE SCHEMA "${schema}_test"`)
    await (await open()).commit([append('r', 1)])
    await ask(`UPDATE "${schema}_test".version SET version = 99`)
    await expect(open()).rejects.toThrow('made by a newer version of troupe (99, this one knows 1)')
    await expect(open()).rejects.toBeInstanceOf(ConfigurationError)
  })

  it('takes names that SQL would stumble over, and refuses those that PostgreSQL would cut', async () => {
    schema = `${prefix}"';--`
    const store = await open()
    await store.commit([append('r', 1)])
    expect(await store.acquire('l', 'me', 1)).toBeDefined()
    const long = postgres(url, { schema: 'x'.repeat(60) })
    await expect(long.open('test')).rejects.toThrow('it takes up to 63 bytes of UTF-8')
    await expect(postgres(url, { schema: 'a$$; ' }).open('test')).rejects.toThrow('without $')
    await expect(postgres(url, { schema: '' }).open('test')).rejects.toBeInstanceOf(ConfigurationError)
  })

  it('refuses a password without telling it', async () => {
    const wrong = new URL(url)
    wrong.pathname = '/nobody_has_this'
    wrong.password = 'secret'
    const error: unknown = await postgres(wrong.href).open('test').catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'STORE', retryable: false })
    expect(String(error)).toContain(`postgres://${wrong.host}/nobody_has_this has no such database`)
    expect(String(error)).not.toContain('secret')
  })
})

describe('without a server', () => {
  it('a store says that it cannot be reached', async () => {
    const store = postgres('postgres://me:secret@127.0.0.1:1/db')
    const error: unknown = await store.open('test').catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ name: 'ProviderError', code: 'STORE', retryable: true })
    expect(String(error)).toContain('postgres://127.0.0.1:1/db cannot be reached')
    expect(String(error)).not.toContain('secret')
    await expect(store.commit([append('r', 1)])).rejects.toThrow('not open')
  })

  it('what is no URL, and no number of connections, is refused at once', () => {
    expect(() => postgres('localhost')).toThrow(ConfigurationError)
    expect(() => postgres('mysql://me:secret@localhost/db')).toThrow(/^(?!.*secret)/)
    expect(() => postgres(url, { connections: 0 })).toThrow('connections is 0')
  })

  it('and without its driver a store says how to install it', () => {
    const code = `import { registerHooks } from 'node:module'
      registerHooks({ resolve: (specifier, context, next) => {
        if (specifier === 'pg') throw Object.assign(new Error('no pg'), { code: 'ERR_MODULE_NOT_FOUND' })
        return next(specifier, context)
      } })
      const { postgres } = await import('troupe/stores/postgres')
      await postgres('postgres://localhost/db').open('test').catch(({ name, message }) => console.log(name, message))`
    const args = ['--import', './test/use-sources.ts', '--input-type=module', '--eval', code]
    const { stdout } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
    expect(stdout).toBe('NotProvidedError a store in PostgreSQL needs the package `pg`: npm install pg\n')
  })
})
