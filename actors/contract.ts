/** The contract of an agent, checked: input when it arrives, output at every settlement. */
import { InvalidMessageError, type Outcome } from '../src/contracts/errors.ts'
import { describeFaults, parseWith } from '../src/contracts/protocol.ts'
import type { Schema } from '../src/contracts/schemas.ts'
import type { AgentSettings } from '../src/contracts/agent-settings.ts'
import { failureOf } from './failure.ts'

type Side = 'input' | 'output'

/**
 * The value after the parse. What has been parsed with the very same schema is taken as it is.
 * @throws InvalidMessageError
 */
export const checked = (
  definition: AgentSettings,
  side: Side,
  value: unknown,
  parsed: Schema | undefined,
): unknown => {
  const schema = definition[side]
  if (!schema || schema === parsed) return value
  const result = parseWith(schema, value)
  if ('value' in result) return result.value
  const { name } = definition
  const { faults } = result
  const text = `the ${side} of "${name}" does not fit its contract: ${describeFaults(faults)}`
  throw new InvalidMessageError(text, {
    code: side === 'input' ? 'INVALID_INPUT' : 'INVALID_OUTPUT',
    faults,
    agent: name,
  })
}

/** An outcome whose output has been parsed; one that does not fit is a failure. */
export const checkedOutcome = (
  definition: AgentSettings,
  outcome: Outcome,
  parsed: Schema | undefined,
): Outcome => {
  if (outcome.status !== 'completed' || !definition.output || definition.output === parsed) return outcome
  try {
    return { status: 'completed', output: checked(definition, 'output', outcome.output, parsed) }
  } catch (thrown) {
    return failureOf(thrown)
  }
}
