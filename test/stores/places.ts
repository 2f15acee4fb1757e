/**
 * The stores that the contract is for: places to keep things, each of which can be opened again and again.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Store } from 'troupe'
import { memory } from 'troupe/stores/memory'
import { postgres } from 'troupe/stores/postgres'
import { sqlite } from 'troupe/stores/sqlite'
import { dropSchemas, isReachable, prefix, url } from './postgres-server.ts'

/** One empty place. */
export interface Place extends AsyncDisposable {
  /** A store there, opened under `test` unless told otherwise. What is left open is closed in the end. */
  open(namespace?: string): Promise<Store>
  /** A store there that is not open. */
  make(): Store
}

/** A kind of store. */
export interface Kind {
  readonly name: string
  readonly durable: boolean
  place(): Place
}

const placeOf = (make: () => Store, end: () => void = () => {}): Place => {
  const made = new Set<Store>()
  const tracked = (): Store => {
    const store = make()
    made.add(store)
    return store
  }
  return {
    make: tracked,
    open: async (namespace = 'test') => {
      const store = tracked()
      await store.open(namespace)
      return store
    },
    [Symbol.asyncDispose]: async () => {
      for (const store of made) await store.close()
      end()
    },
  }
}

let places = 0

/** Those that need nothing that has to be started. */
const embedded: readonly Kind[] = [
  {
    name: 'memory',
    durable: false,
    place: () => {
      const one = memory()
      return placeOf(() => one)
    },
  },
  {
    name: 'sqlite',
    durable: true,
    place: () => {
      const folder = mkdtempSync(join(tmpdir(), 'troupe-sqlite-'))
      return placeOf(
        () => sqlite(join(folder, 'test.db')),
        () => rmSync(folder, { recursive: true }),
      )
    },
  },
]

const shared: Kind = {
  name: 'postgres',
  durable: true,
  place: () => {
    places += 1
    const schema = `${prefix}_${places}`
    return placeOf(() => postgres(url, { schema, connections: 4 }))
  },
}

/** All of them; without the one in PostgreSQL, where there is none and none is required. */
export const kinds: readonly Kind[] = isReachable ? [...embedded, shared] : embedded

/** For the end of a file of tests. */
export const cleanUp = async (): Promise<void> => {
  if (isReachable) await dropSchemas()
}
