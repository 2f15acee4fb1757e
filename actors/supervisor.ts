/**
 * Supervisors by the rules of OTP: they start children, watch them, and restart those that end. Not the lead of a team
 * of agents: that is an orchestrator.
 */
import type { Logic } from '../src/contracts/logic.ts'
import type { AnyRef } from '../src/contracts/messages.ts'
import type {
  ChildSpec,
  SupervisorLogic,
  SupervisorOptions,
  SupervisorRef,
} from '../src/contracts/supervision.ts'
import { cellLogic } from './cell-logic.ts'
import { Supervision } from './supervision.ts'
import { supervisorSettings, type GivenOptions } from './supervisor-options.ts'

/**
 * Logic that starts, watches and restarts children.
 * @throws ConfigurationError for significant children that could not count, names given twice, limits below zero
 */
export function supervisor<const L extends readonly Logic[], D extends Logic = never>(
  options: SupervisorOptions &
    (
      | {
          /** Default `one-for-one`. */
          strategy?: 'one-for-one' | 'one-for-all' | 'rest-for-one' | undefined
          /** In start order. */
          children?: { readonly [K in keyof L]: ChildSpec<L[K]> } | undefined
        }
      | {
          /** One template, many children: `startChild` gives id and input, the rest comes from here. */
          strategy: 'dynamic'
          child: Omit<ChildSpec<D>, 'id' | 'input' | 'significant'>
          maxChildren?: number | undefined
        }
    ),
): SupervisorLogic
export function supervisor(options: GivenOptions): SupervisorLogic {
  const settings = supervisorSettings(options)
  return { ...cellLogic((scope) => new Supervision(scope, settings)), supervisor: true }
}

/** Whether an actor is a supervisor, such as one among `whichChildren`. */
export const isSupervisor = (ref: AnyRef): ref is SupervisorRef => 'supervisor' in ref && ref.supervisor === true
