/** `agent.logic`: an agent as plain XState logic, which runs it once in a system of its own. */
import type { ActorLogic, AnyActorRef, EventObject, Snapshot } from 'xstate'
import type { AgentLogic, AnyAgent } from '../src/contracts/agents.ts'
import { errorOf, type Outcome } from '../src/contracts/errors.ts'
import { privateSystem, type PrivateRun } from '../src/contracts/private-system.ts'

type Shot<I, O> = Snapshot<O> & { input: I | undefined }
type Ended = EventObject & { readonly type: 'run.ended'; readonly outcome: Outcome }

/** Input to output; a run that ends any other way is an error, one that is stopped is cancelled. */
export const oneShot = <I, O>(agent: unknown): AgentLogic<I, O> => {
  const runs = new WeakMap<AnyActorRef, PrivateRun>()
  const logic: ActorLogic<Shot<I, O>, EventObject, I> = {
    getInitialSnapshot: (_, input) => ({ status: 'active', output: undefined, error: undefined, input }),
    start: ({ status, input }, { self }) => {
      if (status !== 'active') return
      const run = privateSystem()(agent as AnyAgent, input)
      runs.set(self, run)
      // One that was stopped meanwhile takes no more.
      const tell = (outcome: Outcome): void => {
        if (runs.has(self)) self.send({ type: 'run.ended', outcome } as EventObject)
      }
      void run.outcome.then(tell)
    },
    transition: (snapshot, event, { self }) => {
      if (snapshot.status !== 'active') return snapshot
      if (event.type === 'xstate.stop') {
        runs.get(self)?.cancel('the actor was stopped')
        runs.delete(self)
        return { ...snapshot, status: 'stopped', input: undefined }
      }
      return event.type === 'run.ended' ? end(snapshot, (event as Ended).outcome) : snapshot
    },
    getPersistedSnapshot: (snapshot) => snapshot,
    // What was running when it was persisted is run again, as XState does with promises.
    restoreSnapshot: (persisted) => persisted as Shot<I, O>,
  }
  return logic as unknown as AgentLogic<I, O>
}

const end = <I, O>(snapshot: Shot<I, O>, outcome: Outcome): Shot<I, O> =>
  outcome.status === 'completed'
    ? ({ ...snapshot, status: 'done', output: outcome.output, input: undefined } as Shot<I, O>)
    : ({ ...snapshot, status: 'error', error: errorOf(outcome), input: undefined } as Shot<I, O>)
