/** Whether every loop has an end of its own. Those of a run, its time and its budget, are not part of a team. */
import type { Check, Finding } from './finding.ts'

/** Of attempts, turns, and work that is sent back. */
export const checkBounds: Check = ({ definition: { retry, turns, shape, parts } }) => {
  const stages = parts.filter(({ role }) => role === 'stage').map(({ agent }) => agent.name)
  const revisions = shape.kind === 'pipeline' ? shape.revisions : []
  return [
    ...(retry.attempts === Infinity ? [endless('it may try for ever', 'retry.attempts')] : []),
    ...(turns && turns.maxTurns === Infinity
      ? [endless('its model may call tools for ever', 'maxTurns')]
      : []),
    ...revisions
      .filter(({ max }) => max === Infinity)
      .map(({ from, to }) =>
        endless(`"${stages[from - 1]}" may send work back to "${stages[to - 1]}" for ever`, 'revise.max'),
      ),
  ]
}

const endless = (problem: string, option: string): Finding => ({
  kind: 'unbounded-cycle',
  problem,
  wayOut: `give \`${option}\` a number`,
})
