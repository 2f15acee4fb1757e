/** The machines that Troupe ships run compiled, and do on every edge of their graphs what XState's interpreter does. */
import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { StateMachine, type AnyStateMachine } from 'xstate'
import { agentMachine, type AgentEvent } from '../../machines/agent.ts'
import { supervisorMachine } from '../../machines/supervisor.ts'
import { taskMachine, type TaskFlowEvent } from '../../machines/task.ts'
import { compile } from '../../src/logic/compile.ts'
import { explore } from '../machines/explore.ts'
import { sameOnGraph } from './twins.ts'

const folder = new URL('../../machines/', import.meta.url)
const files = readdirSync(folder).filter((file) => file.endsWith('.ts'))
const modules = await Promise.all(files.map((file) => import(new URL(file, folder).href) as Promise<object>))
const shipped = new Map(
  modules
    .flatMap((module) => Object.values(module) as unknown[])
    .filter((value): value is AnyStateMachine => value instanceof StateMachine)
    .map((machine) => [machine.id, machine]),
)

describe('every machine that we ship', () => {
  it.each([...shipped])('is covered by the compiler: %s', (_, machine) => {
    expect(compile(machine)).not.toHaveProperty('uncovered')
  })
})

describe('on its graph, the compiled form takes the steps of the interpreter', () => {
  it('for the lifecycle of an agent', () => {
    const result = { at: 0, late: false, trip: false }
    const events: AgentEvent[] = [
      { type: 'task.request', id: 'a', at: 0 },
      { type: 'attempt.requested', id: 'a', at: 99 },
      ...[false, true].flatMap((probe): AgentEvent[] => [
        { type: 'attempt.failed', ...result, counts: true, probe },
        { type: 'task.settled', ...result, good: true, failed: false, probe },
        { type: 'task.settled', ...result, good: false, failed: true, probe },
      ]),
      { type: 'open.timer', at: 99 },
      { type: 'probe.timer', at: 99 },
      { type: 'circuit.set', mode: 'isolated', at: 0 },
      { type: 'circuit.set', mode: 'normal', at: 0 },
    ]
    const input = {
      concurrency: 2,
      failures: 2,
      openMs: 10,
      maxOpenMs: 20,
      probes: 1,
      missRate: 0,
      probeTimeoutMs: 5,
    }
    const { edges } = explore(agentMachine, {
      input: { ...input, fallback: false },
      events,
      skip: ({ context }, { type }) => (type === 'task.request' && context.running > 1) || context.trips > 2,
    })
    expect(edges.length).toBeGreaterThan(100)
    sameOnGraph(agentMachine, edges)
  })

  it('for one task', () => {
    const failed = {
      type: 'attempt.failed',
      retryable: true,
      fallback: true,
      jitter: 1,
      retryAfterMs: 0,
    } as const
    const outcome = { status: 'cancelled', reason: 'x' } as const
    const events: TaskFlowEvent[] = [
      { type: 'attempt.granted' },
      { type: 'attempt.denied', retryAfterMs: 7 },
      { type: 'attempt.succeeded', output: 1 },
      { ...failed, outcome },
      { ...failed, outcome, retryable: false },
      { type: 'retry.timer' },
      { type: 'fallback.answered', outcome },
      { type: 'task.cancel', reason: 'x' },
    ]
    const { edges } = explore(taskMachine, {
      input: { attempts: 2, minMs: 1, maxMs: 9, fallback: true },
      events,
    })
    expect(edges.length).toBeGreaterThan(20)
    sameOnGraph(taskMachine, edges)
  })

  it.each(['one-for-one', 'one-for-all'] as const)('for a supervisor, %s', (strategy) => {
    const { edges } = explore(supervisorMachine, {
      input: { strategy, intensity: 1, periodMs: 5 },
      events: [
        { type: 'children.started' },
        { type: 'start.failed', id: 'a' },
        { type: 'child.exited', id: 'a', exit: 'error', restart: 'permanent', at: 0 },
        { type: 'child.exited', id: 'a', exit: 'normal', restart: 'temporary', at: 0 },
        { type: 'restart.due', id: 'a', at: 10 },
        { type: 'group.stopped' },
        { type: 'group.started' },
        { type: 'stop.requested' },
        { type: 'children.stopped' },
      ] as never,
    })
    expect(edges.length).toBeGreaterThan(20)
    sameOnGraph(supervisorMachine, edges)
  })
})
