/** The tables and the one function of a store in PostgreSQL, and how they come into being. */
import type { PoolClient } from 'pg'
import { ConfigurationError } from '../contracts/errors.ts'

/** Codes of the errors that the function raises. Classes from `T` on are free for applications. */
export const CONFLICT = 'TR001'
export const STALE_EPOCH = 'TR002'

/** A name as SQL reads it. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** What each version adds to the one before. `s` is the schema, quoted. */
const migrations: readonly ((s: string) => string)[] = [
  (s) => `
  CREATE TABLE ${s}.journal (
    run text COLLATE "C" NOT NULL, seq bigint NOT NULL, value text NOT NULL, PRIMARY KEY (run, seq)
  );
  CREATE TABLE ${s}.entry (
    "table" text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL,
    value text NOT NULL, version bigint NOT NULL, tag text COLLATE "C", due double precision,
    PRIMARY KEY ("table", key)
  );
  CREATE INDEX entry_due ON ${s}.entry ("table", due, key) WHERE due IS NOT NULL;
  CREATE INDEX entry_tag ON ${s}.entry ("table", tag, due, key) WHERE tag IS NOT NULL;
  CREATE TABLE ${s}.lease (
    name text COLLATE "C" PRIMARY KEY, owner text COLLATE "C" NOT NULL,
    epoch bigint NOT NULL, until timestamptz NOT NULL
  );
  CREATE SEQUENCE ${s}.epoch;
  ${conflictFunction(s)}
  ${commitFunction(s)}
  `,
]

const conflictFunction = (s: string): string => `
  CREATE FUNCTION ${s}.refuse(code text, nth bigint, key text, expected text, actual text)
  RETURNS void LANGUAGE plpgsql AS $$
  BEGIN
    RAISE EXCEPTION 'refused' USING
      ERRCODE = code,
      DETAIL = json_build_object('nth', nth, 'key', key, 'expected', expected, 'actual', actual)::text;
  END $$;
`

/**
 * All writes of some commits in one statement, which is one transaction: no client can hold its locks by
 * being slow. A lease is locked against a new owner until the end of it. Two commits that take rows in
 * opposite order can end in a deadlock; the one that the server gives up is done again alone, where that
 * cannot happen.
 */
const commitFunction = (s: string): string => `
  CREATE FUNCTION ${s}.commit(
    alone boolean, leases text[], epochs bigint[],
    types text[], tables text[], keys text[], numbers bigint[],
    "values" text[], tags text[], dues double precision[]
  ) RETURNS void LANGUAGE plpgsql AS $$
  DECLARE
    w record;
    actual bigint;
    refused boolean;
  BEGIN
    IF current_setting('synchronous_commit') = 'off' THEN
      PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    IF alone THEN
      PERFORM pg_advisory_xact_lock(hashtextextended($name$troupe commits ${s}$name$, 0));
    ELSE
      PERFORM pg_advisory_xact_lock_shared(hashtextextended($name$troupe commits ${s}$name$, 0));
    END IF;
    FOR w IN SELECT l.name, l.epoch, min(l.nth) AS nth
      FROM unnest(leases, epochs) WITH ORDINALITY AS l(name, epoch, nth) GROUP BY 1, 2 ORDER BY 1
    LOOP
      SELECT l.epoch INTO actual FROM ${s}.lease l WHERE l.name = w.name FOR SHARE;
      IF actual IS DISTINCT FROM w.epoch THEN
        PERFORM ${s}.refuse('${STALE_EPOCH}', w.nth, w.name, w.epoch::text, actual::text);
      END IF;
    END LOOP;
    FOR w IN SELECT * FROM unnest(types, tables, keys, numbers, "values", tags, dues)
      WITH ORDINALITY AS u(type, tbl, key, number, value, tag, due, nth)
    LOOP
      refused := false;
      IF w.type = 'append' THEN
        SELECT coalesce(max(j.seq), 0) + 1 INTO actual FROM ${s}.journal j WHERE j.run = w.key;
        IF actual <> w.number THEN
          PERFORM ${s}.refuse('${CONFLICT}', w.nth, w.key || '#' || w.number, w.number::text, actual::text);
        END IF;
        INSERT INTO ${s}.journal (run, seq, value) VALUES (w.key, w.number, w.value);
      ELSIF w.type = 'put' AND w.number IS NULL AND w.tbl <> 'blob' THEN
        INSERT INTO ${s}.entry AS e ("table", key, value, version, tag, due)
          VALUES (w.tbl, w.key, w.value, 1, w.tag, w.due)
          ON CONFLICT ("table", key) DO UPDATE
          SET value = excluded.value, version = e.version + 1, tag = excluded.tag, due = excluded.due;
      ELSIF w.type = 'put' AND w.number IS NULL THEN
        INSERT INTO ${s}.entry AS e ("table", key, value, version, tag, due)
          VALUES (w.tbl, w.key, w.value, 1, w.tag, w.due)
          ON CONFLICT ("table", key) DO UPDATE
          SET version = e.version + 1, tag = excluded.tag, due = excluded.due
          WHERE e.value = excluded.value
          AND (e.tag IS DISTINCT FROM excluded.tag OR e.due IS DISTINCT FROM excluded.due);
        PERFORM FROM ${s}.entry e WHERE e."table" = w.tbl AND e.key = w.key AND e.value = w.value;
        IF NOT FOUND THEN
          PERFORM ${s}.refuse('${CONFLICT}', w.nth, w.key, 'the same content', 'another content');
        END IF;
      ELSIF w.type = 'put' AND w.number = 0 THEN
        INSERT INTO ${s}.entry ("table", key, value, version, tag, due)
          VALUES (w.tbl, w.key, w.value, 1, w.tag, w.due) ON CONFLICT ("table", key) DO NOTHING;
        refused := NOT FOUND;
      ELSIF w.type = 'put' THEN
        UPDATE ${s}.entry e SET value = w.value, version = e.version + 1, tag = w.tag, due = w.due
          WHERE e."table" = w.tbl AND e.key = w.key AND e.version = w.number;
        refused := NOT FOUND;
      ELSE
        DELETE FROM ${s}.entry e
          WHERE e."table" = w.tbl AND e.key = w.key AND (w.number IS NULL OR e.version = w.number);
        refused := NOT FOUND AND w.number > 0
          OR w.number = 0 AND EXISTS (SELECT FROM ${s}.entry e WHERE e."table" = w.tbl AND e.key = w.key);
        IF w.tbl = 'run' THEN
          DELETE FROM ${s}.journal j WHERE j.run = w.key;
        END IF;
      END IF;
      IF refused THEN
        actual := (SELECT e.version FROM ${s}.entry e WHERE e."table" = w.tbl AND e.key = w.key);
        PERFORM ${s}.refuse('${CONFLICT}', w.nth, w.key, w.number::text, coalesce(actual, 0)::text);
      END IF;
    END LOOP;
  END $$;
`

/** Makes the schema and brings it up to date; of many processes that start at once, one does it. */
export const migrate = async (client: PoolClient, schema: string): Promise<void> => {
  const s = quoted(schema)
  await client.query('BEGIN')
  try {
    await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`troupe:${schema}`])
    await demandUtf8(client)
    const { rowCount } = await client.query('SELECT FROM pg_namespace WHERE nspname = $1', [schema])
    // Not IF NOT EXISTS, which asks for the right to make schemas even when there is nothing to make.
    if (!rowCount) await client.query(`CREATE SCHEMA ${s}`)
    await client.query(`CREATE TABLE IF NOT EXISTS ${s}.version (version integer NOT NULL)`)
    const found = await client.query<{ version: number }>(`SELECT version FROM ${s}.version`)
    const version = found.rows[0]?.version ?? 0
    if (version > migrations.length) throw newer(schema, version)
    for (const migration of migrations.slice(version)) await client.query(migration(s))
    if (version < migrations.length) {
      await client.query(`DELETE FROM ${s}.version`)
      await client.query(`INSERT INTO ${s}.version VALUES ($1)`, [migrations.length])
    }
    await client.query('COMMIT')
  } catch (error) {
    // What failed is the reason; a connection that is gone has nothing to roll back.
    await client.query('ROLLBACK').catch(() => {})
    throw error
  }
}

const demandUtf8 = async (client: PoolClient): Promise<void> => {
  const { rows } = await client.query<{ server_encoding: string }>('SHOW server_encoding')
  const encoding = rows[0]?.server_encoding
  if (encoding === 'UTF8') return
  throw new ConfigurationError(
    `the database is encoded in ${String(encoding)}; the store needs one with ENCODING 'UTF8'`,
  )
}

const newer = (schema: string, version: number): ConfigurationError =>
  new ConfigurationError(
    `the schema "${schema}" was made by a newer version of troupe ` +
      `(${version}, this one knows ${migrations.length})`,
  )
