/** Chooses how logic that is not ours runs: transitions in the cell, everything else on XState's own Actor. */
import type { AnyActorLogic } from 'xstate'
import type { Host, Life } from './life.ts'
import { isTransition, runTransition } from './transition-life.ts'
import { runActor } from './xstate-actor.ts'

/** Starts logic in a cell; a throw at the start passes on. */
export const runLogic = (logic: AnyActorLogic, host: Host, input: unknown): Life =>
  isTransition(logic) ? runTransition(logic, host, input) : runActor(logic, host, input)
