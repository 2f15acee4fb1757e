/**
 * The PostgreSQL that tests use: `TROUPE_POSTGRES`, else the superuser of this machine's. Without one its
 * tests are skipped; where `TROUPE_REQUIRE` names `postgres`, they fail.
 */
import { Client } from 'pg'

/** Where it is. */
export const url = process.env['TROUPE_POSTGRES'] ?? 'postgres://postgres@127.0.0.1:5432/postgres'

/** Begins the names of all schemas of this process. */
export const prefix = `test_${process.pid}_${Date.now().toString(36)}`

/** Runs one statement on a connection of its own. */
export const ask = async (sql: string, values: readonly unknown[] = []): Promise<Record<string, unknown>[]> => {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 3_000 })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(sql, [...values])).rows
  } finally {
    await client.end()
  }
}

/** Takes back what this process made. */
export const dropSchemas = async (): Promise<void> => {
  const found = await ask('SELECT nspname FROM pg_namespace WHERE starts_with(nspname, $1)', [prefix])
  for (const { nspname } of found) await ask(`DROP SCHEMA "${String(nspname).replaceAll('"', '""')}" CASCADE`)
}

const reach = async (): Promise<boolean> => {
  try {
    await ask('SELECT 1')
    return true
  } catch (error) {
    const why = `no PostgreSQL at ${new URL(url).host} (${error instanceof Error ? error.message : String(error)})`
    if (process.env['TROUPE_REQUIRE']?.split(',').includes('postgres')) {
      throw new Error(`TROUPE_REQUIRE names postgres: ${why}`, { cause: error })
    }
    console.log(`skipped, ${why}: start one, or name one in TROUPE_POSTGRES`)
    return false
  }
}

/** Whether there is one. */
export const isReachable = await reach()
