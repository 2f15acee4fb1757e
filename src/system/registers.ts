/** The kernel with its registers: what it knows of names, topics, runs and approvals, and what it holds open. */
import type { Held } from '../contracts/tool-source.ts'
import type { Core } from './cell.ts'
import type { Inbox } from './inbox.ts'
import type { Names } from './names.ts'
import type { RunBook } from './run-book.ts'
import type { Topics } from './topics.ts'

export interface Registers extends Core {
  readonly names: Names
  readonly topics: Topics
  readonly inbox: Inbox
  readonly runs: RunBook
  readonly held: Set<Held>
}
