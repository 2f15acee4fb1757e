/** `peers`: a lead and members that help each other. How help is found is in `help.ts`. */
import type { Agent, AnyAgent, Common } from '../src/contracts/agents.ts'
import { ConfigurationError } from '../src/contracts/errors.ts'
import type { TaskScope, Work } from '../src/contracts/task-scope.ts'
import type { Part } from '../src/contracts/team.ts'
import { defineAgent, ofPatterns } from './definition.ts'

/**
 * `ctx.help` inside looks among lead and members; elsewhere it looks among all agents of the system.
 * @throws ConfigurationError without members
 */
export function peers<I, O>(
  name: string,
  options: { lead: Agent<I, O>; members: readonly AnyAgent[] } & Common<I, O>,
): Agent<I, O>
export function peers(name: string, given: object): AnyAgent {
  const options = given as { lead: AnyAgent; members: readonly AnyAgent[] } & Common<never, unknown>
  const { lead, members } = options
  if (members.length === 0)
    throw new ConfigurationError(`"${name}" needs at least one member that helps its lead`)
  const parts: readonly Part[] = [
    { role: 'lead', agent: lead },
    ...members.map((agent) => ({ role: 'member' as const, agent })),
  ]
  const work = (input: unknown, task: TaskScope): Work => {
    const id = task.delegate(lead, input, { parsed: task.meta.parsed })
    return {
      responded: (answered, outcome) => {
        if (answered === id) task.done(outcome)
      },
    }
  }
  const making = { work, shape: { kind: 'peers' }, parts, takes: [lead], team: [lead, ...members] } as const
  return defineAgent<never, unknown>(name, options, making, ofPatterns)
}
