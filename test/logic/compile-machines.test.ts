/** The machines that Troupe ships run compiled, and do on every edge of their graphs what XState's interpreter does. */
import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { StateMachine, type AnyStateMachine } from 'xstate'
import { agentMachine, type AgentEvent } from '../../machines/agent.ts'
import { arbiterMachine, type ArbiterEvent } from '../../machines/arbiter.ts'
import { auctionMachine, type AuctionEvent } from '../../machines/auction.ts'
import { blackboardMachine, type BlackboardEvent } from '../../machines/blackboard.ts'
import { consensusMachine } from '../../machines/consensus.ts'
import { debateMachine } from '../../machines/debate.ts'
import { orchestratorMachine } from '../../machines/orchestrator.ts'
import { peersMachine, type PeersEvent } from '../../machines/peers.ts'
import { planMachine } from '../../machines/plan.ts'
import { supervisorMachine } from '../../machines/supervisor.ts'
import { taskMachine, type TaskFlowEvent } from '../../machines/task.ts'
import { compile } from '../../src/logic/compile/compile.ts'
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

  const good = { status: 'completed', output: 1 } as const
  const lost = { status: 'cancelled', reason: 'x' } as const

  it('for one task of a plan', () => {
    const step = (id: string, ...after: string[]) => ({
      id,
      to: 'work',
      input: 1,
      after,
      complexity: after.length,
    })
    const { edges } = explore(planMachine, {
      input: { workers: ['work'], rounds: 2, width: 1 },
      events: [
        { type: 'plan.made', steps: [step('a'), step('b'), step('c', 'a')], faults: [] },
        { type: 'plan.made', steps: [step('c', 'c')], faults: [] },
        { type: 'planner.failed', outcome: lost },
        ...['a', 'b', 'c'].flatMap((id) =>
          [good, lost].map((outcome) => ({ type: 'subtask.settled', id, outcome }) as const),
        ),
      ],
    })
    expect(edges.length).toBeGreaterThan(100)
    sameOnGraph(planMachine, edges)
  })

  it('for one attempt of a lead', () => {
    const { edges } = explore(orchestratorMachine, {
      input: undefined,
      events: [
        { type: 'work.delegated' },
        { type: 'delegation.settled' },
        { type: 'delegation.settled', missed: lost },
        { type: 'lead.returned', output: 1 },
        { type: 'lead.returned', output: 1, missed: lost },
        { type: 'lead.failed', outcome: lost },
      ],
      skip: ({ context }, { type }) => type === 'work.delegated' && context.open === 2,
    })
    expect(edges.length).toBeGreaterThan(20)
    sameOnGraph(orchestratorMachine, edges)
  })

  it('for one task of a consensus', () => {
    const { edges } = explore(consensusMachine, {
      input: { voters: ['a', 'b', 'c'], needed: 2 },
      events: [
        ...['a', 'b', 'c'].flatMap((voter) =>
          ['yes', 'no', undefined].map((ballot) => {
            const outcome = ballot === undefined ? lost : good
            return { type: 'voter.settled', voter, outcome, ballot } as const
          }),
        ),
        { type: 'otherwise.answered', outcome: good },
      ],
    })
    expect(edges.length).toBeGreaterThan(100)
    sameOnGraph(consensusMachine, edges)
  })

  it('for one task of a debate', () => {
    const { edges } = explore(debateMachine, {
      input: { peers: ['a', 'b'], rounds: 2 },
      events: [
        ...['a', 'b'].flatMap((peer) =>
          [good, lost].map((outcome) => ({ type: 'peer.settled', peer, outcome }) as const),
        ),
        { type: 'positions.agreed', output: 1 },
        { type: 'positions.differ' },
        { type: 'judge.answered', outcome: good },
      ],
    })
    expect(edges.length).toBeGreaterThan(50)
    sameOnGraph(debateMachine, edges)
  })

  it('for one task of a blackboard', () => {
    const rule = { reads: undefined, ownWrites: true }
    const sources = [
      { ...rule, name: 'a', priority: 1 },
      { ...rule, name: 'b', priority: 0, reads: ['x'] },
    ]
    const changes = [{ key: 'x', version: 1 }]
    const willing = ['a', 'b']
    const { edges } = explore(blackboardMachine, {
      input: { sources, maxDepth: 2, maxActivations: 2 },
      events: [
        { type: 'board.changed', by: undefined, changes, willing },
        ...['a', 'b'].flatMap((source): BlackboardEvent[] => [
          { type: 'board.changed', by: source, changes, willing },
          { type: 'board.changed', by: source, changes: [], willing: [] },
          { type: 'source.refused', source, changes },
          { type: 'source.failed', source },
        ]),
        { type: 'board.done' },
      ],
    })
    expect(edges.length).toBeGreaterThan(100)
    sameOnGraph(blackboardMachine, edges)
  })

  it('for one task of an auction', () => {
    const { edges } = explore(auctionMachine, {
      input: { rounds: 2 },
      events: [
        { type: 'bidders.called', bidders: ['a', 'b'], at: 0 },
        ...['a', 'b'].flatMap((bidder): AuctionEvent[] => [
          { type: 'bid.received', bid: { bidder, score: 1, at: 0, until: 5 }, at: 0 },
          { type: 'bid.declined', bidder, at: 3 },
          { type: 'bidder.gone', bidder, at: 9 },
          { type: 'award.accepted', bidder, epoch: 1, at: 3 },
          { type: 'award.settled', bidder, epoch: 1, outcome: good, next: false, at: 3 },
          { type: 'award.settled', bidder, epoch: 1, outcome: lost, next: true, at: 3 },
        ]),
        { type: 'bids.timer', at: 3 },
        { type: 'award.timer', at: 3 },
        { type: 'auction.cancel', at: 3 },
      ],
    })
    expect(edges.length).toBeGreaterThan(100)
    sameOnGraph(auctionMachine, edges)
  })

  it('for one call for help', () => {
    const { edges } = explore(peersMachine, {
      input: {
        peers: [
          { name: 'a', waits: true },
          { name: 'b', waits: false },
        ],
      },
      events: [
        ...[0, 1].flatMap((peer): PeersEvent[] => [
          { type: 'bid.received', peer, cost: peer },
          { type: 'bid.declined', peer, reason: 'busy' },
        ]),
        { type: 'bids.closed' },
        { type: 'peer.answered', outcome: good },
        { type: 'peer.declined', reason: 'its circuit is open' },
      ],
    })
    expect(edges.length).toBeGreaterThan(50)
    sameOnGraph(peersMachine, edges)
  })

  it.each(['in-turn', 'priority', 'merge', 'roll-back', 'agent'] as const)(
    'for one task of an arbiter, %s',
    (rule) => {
      const claims = [{ resource: 'x', mode: 'write' }] as const
      const { edges } = explore(arbiterMachine, {
        input: {
          rule,
          branches: ['a', 'b', 'c'].map((key) => ({ key, priority: key === 'b' ? 1 : 0, claims })),
        },
        events: [
          ...['a', 'b', 'c'].flatMap((branch): ArbiterEvent[] => [
            { type: 'branch.settled', branch, outcome: good },
            { type: 'branch.settled', branch, outcome: lost },
            { type: 'branch.undone', branch },
            { type: 'branch.undone', branch, outcome: lost },
            { type: 'clash.decided', winner: branch },
          ]),
          { type: 'decision.failed', outcome: lost },
        ],
      })
      expect(edges.length).toBeGreaterThan(50)
      sameOnGraph(arbiterMachine, edges)
    },
  )
})
