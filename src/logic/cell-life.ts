/** Logic of ours runs in the cell itself: behaviours, agents, tasks, supervisors. How the rest of the kernel sees it. */
import type { Snapshot } from 'xstate'
import { incarnate, type CellLogic, type Interpreter } from '../contracts/behavior.ts'
import type { Life } from './life.ts'

/** Whether logic is ours to run. */
export const isCellLogic = (logic: object): logic is CellLogic => incarnate in logic

const active: Snapshot<undefined> = { status: 'active', output: undefined, error: undefined }

/** What an incarnation shows: its own snapshot, else that of the machine that stands for it. */
export const snapshotOf = (life: Life, interpreter: Interpreter<never> | undefined): Snapshot<unknown> =>
  life.snapshot?.() ?? (interpreter?.snapshot() as Snapshot<unknown> | undefined) ?? active

/** The same as plain data. */
export const persistedOf = (life: Life, interpreter: Interpreter<never> | undefined): Snapshot<unknown> => {
  if (life.persisted) return life.persisted()
  const snapshot = snapshotOf(life, interpreter)
  return 'toJSON' in snapshot ? (snapshot.toJSON as () => Snapshot<unknown>)() : snapshot
}
