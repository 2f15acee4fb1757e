/** Chooses how logic runs: ours in the cell, transitions in the cell, everything else on XState's own Actor. */
import type { AnyActorLogic, Snapshot } from 'xstate'
import type { CellScope, Interpreter } from '../contracts/behavior.ts'
import { isCellLogic, runInCell } from './cell-life.ts'
import type { Host, Life } from './life.ts'
import { isTransition, runTransition } from './transition-life.ts'
import { runActor } from './xstate-actor.ts'

/** Starts logic in a cell; a throw at the start passes on. */
export const runLogic = (
  logic: AnyActorLogic,
  { host, scope, input, shown, snapshot }: Start,
): Life => {
  if (isCellLogic(logic)) return runInCell(logic, scope, input, shown)
  if (isTransition(logic)) return runTransition(logic, host, input, snapshot)
  return runActor(logic, host, input, snapshot)
}

/** What a start needs. */
export interface Start {
  readonly host: Host
  readonly scope: CellScope
  readonly input: unknown
  readonly shown: () => Interpreter<never> | undefined
  /** Goes on from there. */
  readonly snapshot?: Snapshot<unknown> | undefined
}
