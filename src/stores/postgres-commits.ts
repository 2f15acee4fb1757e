/**
 * Commits in the order of their calls, on one connection: those that come while others are under way go
 * together.
 */
import type { Write } from '../contracts/ports.ts'
import type { Lease } from './acceptable.ts'
import { isCollision, isRefusal, postgresFault, refused } from './postgres-errors.ts'
import type { PostgresPool } from './postgres-pool.ts'
import { quoted } from './postgres-schema.ts'
import { toStored } from './stored-text.ts'

/** A group ends behind so many commits or characters. */
const GROUP = { commits: 200, chars: 2_000_000 }

/** So many values go as parameters of their own; PostgreSQL takes 65,535 of them. */
const PARAMETERS = 2_000

/** Of a group that collides with other writers. From the second on it has the tables for itself. */
const ATTEMPTS = 3

interface Commit {
  readonly writes: readonly Write[]
  readonly lease: Lease | undefined
  readonly chars: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export class PostgresCommits {
  readonly #pool: PostgresPool
  readonly #place: string
  readonly #function: string
  #queue: Commit[] = []
  #work: Promise<void> | undefined

  constructor(pool: PostgresPool, place: string, schema: string) {
    this.#pool = pool
    this.#place = place
    this.#function = `${quoted(schema)}.commit`
  }

  commit(writes: readonly Write[], lease: Lease | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ writes, lease, chars: charsOf(writes), resolve, reject })
      this.#work ??= this.#empty()
    })
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await this.#work
  }

  async #empty(): Promise<void> {
    // Others of this turn can join.
    await new Promise<void>((resolve) => void setImmediate(resolve))
    while (this.#queue.length > 0) await this.#perform(this.#take())
    this.#work = undefined
  }

  #take(): Commit[] {
    let chars = 0
    let end = 0
    for (const commit of this.#queue) {
      if (end > 0 && (end === GROUP.commits || chars + commit.chars > GROUP.chars)) break
      chars += commit.chars
      end += 1
    }
    return this.#queue.splice(0, end)
  }

  /** Together; the one that is refused fails, and the others go without it. */
  async #perform(group: readonly Commit[]): Promise<void> {
    const fault = await this.#attempt(group)
    if (fault === undefined) {
      for (const { resolve } of group) resolve()
      return
    }
    if (group.length === 1 || !isRefusal(fault)) {
      for (const { reject } of group) reject(postgresFault(this.#place, fault))
      return
    }
    const culprit = culpritOf(group, fault)
    // Where nobody says which one, each goes by itself.
    if (!culprit) for (const commit of group) await this.#perform([commit])
    if (!culprit) return
    culprit.reject(postgresFault(this.#place, fault))
    await this.#perform(group.filter((commit) => commit !== culprit))
  }

  /** Gives what it failed with. */
  async #attempt(group: readonly Commit[]): Promise<unknown> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#send(group, attempt > 1)
        return undefined
      } catch (error) {
        if (attempt === ATTEMPTS || !isCollision(error)) return error
      }
    }
  }

  async #send(group: readonly Commit[], alone: boolean): Promise<void> {
    const leases = group.flatMap(({ lease }) => lease ?? [])
    const writes = group.flatMap((commit) => commit.writes)
    const texts = writes.map((write) => (write.type === 'delete' ? null : toStored(write.value)))
    const single = texts.length <= PARAMETERS
    const list = single ? `ARRAY[${texts.map((_, index) => `$${index + 10}`).join()}]` : '$10'
    const sql = `SELECT ${this.#function}(
      $1, $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[],
      ${list}::text[], $8::text[], $9::double precision[])`
    const values = [
      alone,
      leases.map(({ name }) => toStored(name)),
      leases.map(({ epoch }) => epoch),
      writes.map(({ type }) => type),
      writes.map((write) => (write.type === 'append' ? null : write.table)),
      writes.map((write) => toStored(write.type === 'append' ? write.run : write.key)),
      writes.map((write) => (write.type === 'append' ? write.seq : write.expect)),
      writes.map((write) => (write.type === 'put' && write.tag !== undefined ? toStored(write.tag) : null)),
      writes.map((write) => (write.type === 'put' ? write.due : null)),
    ]
    await this.#pool.raw((client) => client.query(sql, [...values, ...(single ? texts : [texts])]))
  }
}

const charsOf = (writes: readonly Write[]): number => {
  let chars = 0
  for (const write of writes) if (write.type !== 'delete') chars += write.value.length
  return chars
}

const culpritOf = (group: readonly Commit[], fault: unknown): Commit | undefined => {
  const found = refused(fault)
  if (!found) return undefined
  let seen = 0
  return group.find(({ writes, lease }) => {
    seen += found.what === 'write' ? writes.length : lease ? 1 : 0
    return seen >= found.nth
  })
}
