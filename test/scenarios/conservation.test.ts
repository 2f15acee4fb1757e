/**
 * A million random steps of the kernel. After each of them no message is missing, everyone who watches was told once,
 * mail came in order, and those have ended who had to by the tree.
 */
import { expect, it } from 'vitest'
import { simulate } from './simulation/simulation.ts'

const SEED = process.env['TROUPE_SEED'] ?? '1'
const STEPS = Number(process.env['TROUPE_STEPS'] ?? 1_000_000)

it('loses nothing and nobody in a million random steps', { timeout: 300_000 }, async () => {
  const { steps, foreseen } = await simulate(SEED, STEPS)
  expect(foreseen).toBeGreaterThan(steps / 2)
})
