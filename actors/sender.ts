/** Who sent the message in hand, and whether somebody waits for its answer. */
import type { EventObject } from 'xstate'
import type { ActorContext } from '../src/contracts/actors.ts'
import type { ActorRef, AgentMessage } from '../src/contracts/messages.ts'

/** The actor that sent it; `undefined` when no actor of this system did, or when it is gone. */
export const senderOf = ({
  self,
  envelope,
  lookup,
}: Pick<ActorContext<EventObject>, 'self' | 'envelope' | 'lookup'>): ActorRef | undefined => {
  const system = self.address.slice(0, self.address.length - self.path.length)
  const { from } = envelope
  return from.startsWith(`${system}/`) ? lookup(from.slice(system.length)) : undefined
}

/** What was told has no deadline, and a reply to it would be a dead letter. */
export const isAsked = ({ deadline }: AgentMessage): boolean => deadline !== undefined
