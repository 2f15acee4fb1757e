/** How the powers of an actor are found from inside XState logic. */
import type { AnyActorRef, AnyEventObject, EventObject } from 'xstate'
import type { ActorContext } from './actors.ts'
import { NotProvidedError } from './errors.ts'

/** The key of an actor's powers, a member of the system that its `self` belongs to. */
export const powers: unique symbol = Symbol('troupe.powers')

/**
 * The powers of an actor for `fromTransition`, logic of one's own, and custom actions.
 * @throws NotProvidedError under plain `createActor`
 */
export const contextOf = <M extends EventObject = AnyEventObject>(scope: {
  readonly self: AnyActorRef
}): ActorContext<M, unknown> => {
  const system: object | undefined = scope.self.system
  const context = system && powers in system ? system[powers] : undefined
  if (context === undefined) {
    throw new NotProvidedError(
      `"${scope.self.id}" runs outside a Troupe system: spawn it with \`system.spawn\` to use tell, reply and the rest`,
    )
  }
  return context as ActorContext<M, unknown>
}

/** What a step of a machine is known by: the same on every try of it. */
export interface StepPlace {
  readonly key: string
  readonly runId: string
}

/** The place of the next step with this name, of the actor that XState logic belongs to. */
export const nextStep = (scope: { readonly self: AnyActorRef }, name: string): StepPlace =>
  (contextOf(scope) as unknown as { nextStep(name: string): StepPlace }).nextStep(name)
