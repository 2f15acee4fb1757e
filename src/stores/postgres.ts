/** The entry `troupe/stores/postgres`: keeps state for many processes. */
import { ConfigurationError } from '../contracts/errors.ts'
import type { Store } from '../contracts/ports.ts'
import type { Options } from '../contracts/schemas.ts'
import {
  acceptedLease,
  acceptedQuery,
  acceptedWrites,
  demandFrom,
  demandLease,
  demandName,
} from './acceptable.ts'
import { notOpen, opens } from './openness.ts'
import { PostgresTables } from './postgres-tables.ts'

/** What PostgreSQL takes as a name; it would cut a longer one in silence. */
const MAX_SCHEMA_BYTES = 63

/**
 * Many processes. Needs `pg`.
 * @param url `postgres://user:password@host:port/database`; what is left out comes from `PGHOST` and the like
 * @throws ConfigurationError when it is no such URL; `open` rejects with it when the tables are of a newer
 *   version
 * @throws NotProvidedError `open` rejects with it when `pg` is not installed
 */
export function postgres(
  url: string,
  options: Options<{
    /** Each namespace has the schema `<schema>_<namespace>`. Default `troupe`. */
    schema: string
    /** Default 10. */
    connections: number
  }> = {},
): Store {
  const { schema = 'troupe', connections = 10 } = options
  const place = placeOf(url)
  if (!Number.isSafeInteger(connections) || connections < 1) {
    throw new ConfigurationError(`connections is ${String(connections)}, not a whole number from 1`)
  }
  let opened: { readonly namespace: string; readonly tables: Promise<PostgresTables> } | undefined

  const tables = (): Promise<PostgresTables> => {
    if (!opened) throw notOpen()
    return opened.tables
  }

  const open = async (namespace: string): Promise<void> => {
    const own = (opened = {
      namespace,
      tables: PostgresTables.open({ url, connections, place, schema: schemaOf(schema, namespace) }),
    })
    try {
      await own.tables
    } catch (error) {
      if (opened === own) opened = undefined
      throw error
    }
  }

  return {
    durable: true,
    open: async (namespace) => {
      if (opens(opened?.namespace, namespace)) await open(namespace)
      else await opened?.tables
    },
    commit: async (writes, lease) => {
      const [accepted, held] = [acceptedWrites(writes), acceptedLease(lease)]
      await (await tables()).commit(accepted, held)
    },
    journal: async function* (run, fromSeq = 1) {
      demandFrom(run, fromSeq)
      for (let from = fromSeq; ; ) {
        const { entries, more } = await (await tables()).journal(run, from)
        yield* entries
        if (!more) return
        from += entries.length
      }
    },
    get: async (table, key) => (await tables()).get(table, key),
    list: async (table, query) => {
      const accepted = acceptedQuery(query)
      return (await tables()).list(table, accepted)
    },
    acquire: async (lease, owner, ttlMs) => {
      demandLease(lease, owner, ttlMs)
      return (await tables()).acquire(lease, owner, ttlMs)
    },
    release: async (lease, epoch) => {
      demandName(lease, 'lease')
      await (await tables()).release(lease, epoch)
    },
    close: async () => {
      const closing = opened?.tables
      opened = undefined
      await (await closing)?.close()
    },
  }
}

/** Where the database is, for messages: without user and password. */
const placeOf = (url: string): string => {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (!parsed || !/^postgres(ql)?:$/.test(parsed.protocol)) {
    throw new ConfigurationError(
      'the URL of a store in PostgreSQL is postgres://user:password@host:port/database',
    )
  }
  return `postgres://${parsed.host}${parsed.pathname}`
}

const schemaOf = (schema: string, namespace: string): string => {
  const name = `${schema}_${namespace}`
  const bytes = Buffer.byteLength(name)
  // A dollar could end the body of a function that the name is in.
  if (bytes <= MAX_SCHEMA_BYTES && schema !== '' && name.isWellFormed() && !/[\0$]/.test(name)) return name
  throw new ConfigurationError(
    `${JSON.stringify(name)} is no name for a schema: ` +
      `it takes up to ${MAX_SCHEMA_BYTES} bytes of UTF-8, without $`,
  )
}
