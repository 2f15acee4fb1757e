/** Chooses how logic that is not ours runs: transitions in the cell, everything else on XState's own Actor. */
import type { AnyActorLogic, Snapshot } from 'xstate'
import type { Host, Life } from './life.ts'
import { isTransition, runTransition } from './transition-life.ts'
import { runActor } from './xstate-actor.ts'

/** Starts logic in a cell; a throw at the start passes on. */
export const runLogic = (logic: AnyActorLogic, { host, input, snapshot }: Start): Life =>
  isTransition(logic) ? runTransition(logic, host, input, snapshot) : runActor(logic, host, input, snapshot)

/** What a start needs. */
export interface Start {
  readonly host: Host
  readonly input: unknown
  /** Goes on from there. */
  readonly snapshot?: Snapshot<unknown> | undefined
}
