/** Opens the file of a store: the settings that make a commit durable, and the tables. */
import { DatabaseSync } from 'node:sqlite'
import { foreign } from './sqlite-errors.ts'

/** Marks files as ours, for us and for `file(1)`: "trpe". */
const APPLICATION = 0x74727065

/** What each version of the tables adds to the one before. */
const migrations: readonly string[] = [
  `
  CREATE TABLE namespace (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE run (
    id INTEGER PRIMARY KEY, namespace INTEGER NOT NULL, name TEXT NOT NULL, UNIQUE (namespace, name)
  ) STRICT;
  CREATE TABLE journal (run INTEGER NOT NULL, seq INTEGER NOT NULL, value TEXT NOT NULL) STRICT;
  CREATE UNIQUE INDEX journal_seq ON journal (run, seq);
  CREATE TABLE entry (
    namespace INTEGER NOT NULL, "table" TEXT NOT NULL, key TEXT NOT NULL,
    value TEXT NOT NULL, version INTEGER NOT NULL, tag TEXT, due REAL
  ) STRICT;
  CREATE UNIQUE INDEX entry_key ON entry (namespace, "table", key);
  CREATE INDEX entry_due ON entry (namespace, "table", due, key) WHERE due IS NOT NULL;
  CREATE INDEX entry_tag ON entry (namespace, "table", tag, due, key) WHERE tag IS NOT NULL;
  CREATE TABLE lease (
    namespace INTEGER NOT NULL, name TEXT NOT NULL,
    owner TEXT NOT NULL, epoch INTEGER NOT NULL, until REAL NOT NULL,
    UNIQUE (namespace, name)
  ) STRICT;
  CREATE TABLE epoch (last INTEGER NOT NULL) STRICT;
  INSERT INTO epoch VALUES (0);
  `,
]

/**
 * Opens and migrates.
 * @throws ConfigurationError when the file belongs to another program, or to a newer version of this one
 */
export const openFile = (file: string): DatabaseSync => {
  const database = new DatabaseSync(file)
  try {
    // For programs that look in while we run, such as a backup.
    database.exec('PRAGMA busy_timeout = 5000')
    const version = demandOurs(database, file)
    const mode = database.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode']
    if (mode !== 'wal') {
      throw foreign(file, 'is where SQLite cannot keep a write-ahead log: put it on a local disk')
    }
    // FULL: a commit is synced before it is answered. On macOS a sync reaches the disk only when asked to.
    database.exec('PRAGMA synchronous = FULL; PRAGMA fullfsync = ON')
    migrate(database, version)
    // What a process before us wrote last may be in the log without having been synced: nothing is built upon
    // that.
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/** Gives the version of its tables; 0 of an empty file. */
const demandOurs = (database: DatabaseSync, file: string): number => {
  const read = (name: string): number => Number(database.prepare(`PRAGMA ${name}`).get()?.[name])
  const version = read('user_version')
  if (read('application_id') === APPLICATION) {
    if (version <= migrations.length) return version
    const known = `tables ${version}, this one knows ${migrations.length}`
    throw foreign(file, `was written by a newer version of troupe (${known})`)
  }
  if (!database.prepare('SELECT 1 FROM sqlite_schema').get()) return 0
  throw foreign(file, 'is the database of another program')
}

const migrate = (database: DatabaseSync, version: number): void => {
  if (version === migrations.length) return
  database.exec(`
    BEGIN IMMEDIATE;
    ${migrations.slice(version).join('')}
    PRAGMA application_id = ${APPLICATION};
    PRAGMA user_version = ${migrations.length};
    COMMIT
  `)
}
