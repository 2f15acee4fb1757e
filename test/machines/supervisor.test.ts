/** The supervisor's machine: who is restarted, when it gives up, how it ends. Then all of it, explored. */
import { describe, expect, it } from 'vitest'
import { initialTransition, transition, type SnapshotFrom } from 'xstate'
import { supervisorMachine } from '../../machines/supervisor.ts'
import type {
  ChildExited,
  SupervisorEvent,
  SupervisorInput,
  Strategy,
} from '../../machines/supervisor-protocol.ts'
import { effectsOf, explore, statesWithoutDescription } from './explore.ts'

type State = SnapshotFrom<typeof supervisorMachine>

const step = (state: State, event: SupervisorEvent): State => transition(supervisorMachine, state, event)[0]
const asked = (state: State, event: SupervisorEvent): unknown[] => effectsOf(supervisorMachine, state, event)
const running = (input: SupervisorInput = {}): State =>
  step(initialTransition(supervisorMachine, input)[0], { type: 'children.started' })
const exited = (exit: Partial<ChildExited> = {}): ChildExited => ({
  type: 'child.exited',
  id: 'a',
  at: 0,
  restart: 'permanent',
  exit: 'error',
  ...exit,
})
const crash = (state: State, { times, everyMs, fromMs = 0 }: { times: number; everyMs: number; fromMs?: number }): State =>
  Array.from({ length: times }, (_, n) => fromMs + n * everyMs).reduce((now, at) => step(now, exited({ at })), state)

describe('restart intensity', () => {
  it('gives up after five restarts in ten seconds', () => {
    const state = running({ intensity: 5, periodMs: 10_000 })
    expect(crash(state, { times: 5, everyMs: 1_000 }).value).toBe('running')
    expect(crash(state, { times: 6, everyMs: 1_000 }).value).toBe('escalating')
  })

  it('takes three restarts in five seconds unless told otherwise', () => {
    expect(crash(running(), { times: 3, everyMs: 1 }).value).toBe('running')
    expect(crash(running(), { times: 4, everyMs: 1 }).value).toBe('escalating')
    expect(crash(running(), { times: 20, everyMs: 2_000 }).value).toBe('running')
  })

  it('still counts a restart that is exactly as old as the period', () => {
    const once = running({ intensity: 1, periodMs: 100 })
    expect(crash(once, { times: 2, everyMs: 100 }).value).toBe('escalating')
    expect(crash(once, { times: 2, everyMs: 101 }).value).toBe('running')
  })

  it('gives up at the first restart when it takes none', () => {
    expect(crash(running({ intensity: 0 }), { times: 1, everyMs: 0 }).value).toBe('escalating')
  })

  it('slides: old restarts make room for new ones', () => {
    const state = crash(running({ intensity: 2, periodMs: 100 }), { times: 2, everyMs: 60 })
    expect(state.context.restarts).toEqual([0, 60])
    const later = crash(state, { times: 1, everyMs: 0, fromMs: 120 })
    expect(later.value).toBe('running')
    expect(later.context.restarts).toEqual([60, 120])
  })

  it('keeps no more times than it needs', () => {
    expect(crash(running({ intensity: Infinity }), { times: 50, everyMs: 0 }).context.restarts).toEqual([])
    expect(crash(running({ intensity: 4, periodMs: 10 }), { times: 50, everyMs: 5 }).context.restarts).toHaveLength(3)
  })

  it('stops all children when it gives up, and says how it ended', () => {
    const state = running({ intensity: 0 })
    expect(asked(state, exited())).toEqual([{ type: 'restarts.exhausted', id: 'a' }, { type: 'children.stop' }])
    const ended = step(step(state, exited()), { type: 'children.stopped' })
    expect([ended.status, ended.output]).toEqual(['done', 'gave-up'])
  })
})

describe('restart types', () => {
  const restarts = (exit: Partial<ChildExited>): boolean =>
    asked(running(), exited(exit)).some((effect) => (effect as { type: string }).type === 'child.restart')

  it('restarts a permanent child always', () => {
    for (const exit of ['normal', 'shutdown', 'error', 'killed'] as const) expect(restarts({ exit })).toBe(true)
  })

  it('restarts a transient child after an abnormal exit only', () => {
    for (const exit of ['error', 'killed'] as const) expect(restarts({ restart: 'transient', exit })).toBe(true)
    for (const exit of ['normal', 'shutdown'] as const) expect(restarts({ restart: 'transient', exit })).toBe(false)
  })

  it('restarts a temporary child never', () => {
    for (const exit of ['normal', 'error'] as const) expect(restarts({ restart: 'temporary', exit })).toBe(false)
  })

  it('restarts nothing that somebody stopped', () => {
    expect(asked(running(), exited({ stopped: true }))).toEqual([{ type: 'child.forget', id: 'a' }])
  })

  it('leaves a child down that has used up a limit of its own, and counts nothing', () => {
    const state = running({ intensity: 0 })
    expect(asked(state, exited({ spent: true }))).toEqual([{ type: 'child.abandon', id: 'a' }])
    expect(step(state, exited({ spent: true })).value).toBe('running')
  })
})

describe('a start that fails during a restart', () => {
  it('is tried again in a later turn, and counts again', () => {
    const once = step(running({ intensity: 2 }), exited())
    expect(asked(once, { type: 'start.failed', id: 'a' })).toEqual([{ type: 'restart.wait', id: 'a' }])
    const twice = step(step(once, { type: 'start.failed', id: 'a' }), { type: 'restart.due', id: 'a', at: 1 })
    expect(twice.context.restarts).toEqual([0, 1])
    expect(step(twice, { type: 'restart.due', id: 'a', at: 2 }).value).toBe('escalating')
  })

  it('is not tried again at the first start', () => {
    const [starting] = initialTransition(supervisorMachine, {})
    const ended = step(starting, { type: 'start.failed', id: 'a' })
    expect([ended.status, ended.output]).toEqual(['done', 'start-failed'])
  })
})

describe.each<Strategy>(['one-for-all', 'rest-for-one'])('%s', (strategy) => {
  const restarting = step(running({ strategy, intensity: 2 }), exited())

  it('stops the group, then starts it, and counts once', () => {
    expect(restarting.value).toEqual({ restarting: 'stopping' })
    expect(asked(running({ strategy }), exited())).toEqual([{ type: 'group.stop', id: 'a' }])
    expect(asked(restarting, { type: 'group.stopped' })).toEqual([{ type: 'group.start', id: 'a' }])
    const again = step(step(restarting, { type: 'group.stopped' }), { type: 'group.started' })
    expect([again.value, again.context.restarts]).toEqual(['running', [0]])
  })

  it('takes down what it had started when a start fails, and tries again from that child', () => {
    const starting = step(restarting, { type: 'group.stopped' })
    expect(asked(starting, { type: 'start.failed', id: 'b' })).toEqual([{ type: 'group.stop', id: 'b' }])
    const clearing = step(starting, { type: 'start.failed', id: 'b' })
    expect(asked(clearing, { type: 'group.stopped' })).toEqual([{ type: 'restart.wait', id: 'b' }])
    const waiting = step(clearing, { type: 'group.stopped' })
    expect(waiting.context.restarts).toEqual([0])
    const due = { type: 'restart.due', id: 'b', at: 1 } as const
    expect(asked(waiting, due)).toEqual([{ type: 'group.start', id: 'b' }])
    expect(step(waiting, due).context.restarts).toEqual([0, 1])
  })

  it('goes on without the child that it waited for when that is terminated', () => {
    const state = running({ strategy, backoff: true, intensity: 0 })
    const waiting = step(step(state, exited()), { type: 'group.stopped' })
    expect(waiting.value).toEqual({ restarting: 'waiting' })
    expect(asked(waiting, { type: 'restart.withdrawn' })).toEqual([{ type: 'group.start', id: 'a' }])
  })
})

describe('backoff', () => {
  it('counts an attempt when it is made, not when the child fails', () => {
    const state = step(running({ backoff: true, intensity: 1 }), exited())
    expect(asked(running({ backoff: true }), exited())).toEqual([{ type: 'restart.wait', id: 'a' }])
    expect(state.context.restarts).toEqual([])
    const due = { type: 'restart.due', id: 'a', at: 200 } as const
    expect(asked(state, due)).toEqual([{ type: 'child.restart', id: 'a' }])
    expect(step(state, due).context.restarts).toEqual([200])
  })

  it('terminates a group at once and starts it after the wait', () => {
    const down = step(running({ backoff: true, strategy: 'one-for-all' }), exited())
    expect(down.value).toEqual({ restarting: 'clearing' })
    expect(asked(down, { type: 'group.stopped' })).toEqual([{ type: 'restart.wait', id: 'a' }])
  })
})

describe('significant children', () => {
  const ends = (input: SupervisorInput, exit: Partial<ChildExited>): boolean =>
    step(running(input), exited({ significant: true, ...exit })).value === 'stopping'

  it('end the crew when they end by themselves', () => {
    for (const autoShutdown of ['any-significant', 'all-significant'] as const) {
      expect(ends({ autoShutdown }, { restart: 'transient', exit: 'normal' })).toBe(true)
      expect(ends({ autoShutdown }, { restart: 'temporary', exit: 'error' })).toBe(true)
      expect(ends({ autoShutdown }, { restart: 'transient', exit: 'error' })).toBe(false)
      expect(ends({ autoShutdown }, { restart: 'temporary', exit: 'normal', stopped: true })).toBe(false)
      expect(ends({ autoShutdown }, { restart: 'temporary', exit: 'normal', significant: false })).toBe(false)
    }
  })

  it('all have to have ended under all-significant', () => {
    const exit = { restart: 'transient', exit: 'normal', others: true } as const
    expect(ends({ autoShutdown: 'any-significant' }, exit)).toBe(true)
    expect(ends({ autoShutdown: 'all-significant' }, exit)).toBe(false)
    expect(ends({ autoShutdown: 'never' }, exit)).toBe(false)
  })
})

describe('a stop', () => {
  const states = {
    running: running(),
    'in a group restart': step(running({ strategy: 'one-for-all' }), exited()),
    'giving up': step(running({ intensity: 0 }), exited()),
  }

  it.each(Object.entries(states))('while %s ends as one that was asked for', (_, state) => {
    const ended = step(step(state, { type: 'stop.requested' }), { type: 'children.stopped' })
    expect([ended.status, ended.output]).toEqual(['done', 'stopped'])
  })

  it('restarts nothing that dies meanwhile', () => {
    const stopping = step(running(), { type: 'stop.requested' })
    expect(asked(stopping, exited())).toEqual([{ type: 'child.forget', id: 'a' }])
  })
})

describe('the whole machine', () => {
  const events: SupervisorEvent[] = [
    { type: 'children.started' },
    { type: 'start.failed', id: 'a' },
    ...([false, true] as const).flatMap((spent): SupervisorEvent[] => [
      exited({ spent }),
      { type: 'restart.due', id: 'a', at: 0, spent },
    ]),
    exited({ at: 10, id: 'b' }),
    { type: 'restart.due', id: 'b', at: 10 },
    exited({ stopped: true }),
    exited({ restart: 'temporary', significant: true, others: true }),
    exited({ restart: 'temporary', significant: true }),
    { type: 'restart.withdrawn' },
    { type: 'group.stopped' },
    { type: 'group.started' },
    { type: 'stop.requested' },
    { type: 'children.stopped' },
  ]
  const inputs = (['one-for-one', 'one-for-all', 'rest-for-one', 'dynamic'] as const).flatMap((strategy) =>
    [false, true].map((backoff) => ({ strategy, backoff, intensity: 1, periodMs: 5, autoShutdown: 'all-significant' }) as const),
  )
  const explored = inputs.map((input) => explore(supervisorMachine, { input, events }))

  it('reaches every state and takes every transition', () => {
    const missed = (part: 'unreached' | 'untaken'): readonly string[] =>
      explored.map((one) => one[part]).reduce((all, one) => all.filter((name) => one.includes(name)))
    expect(missed('unreached')).toEqual([])
    expect(missed('untaken')).toEqual([])
  })

  it('never keeps more restarts than its limit lets it', () => {
    for (const { nodes } of explored) for (const { context } of nodes) expect(context.restarts.length).toBeLessThan(2)
  })

  it('decides about every child that ends, in each state in which one can', () => {
    for (const { edges } of explored) {
      for (const { from, event, to, effects } of edges) {
        const decides = ['running', 'escalating', 'stopping'].some((state) => from.matches(state as never))
        if (decides && event.type === 'child.exited') expect([effects.length > 0, from, to]).toEqual([true, from, to])
      }
    }
  })

  it('can be stopped from everywhere, and is done when its children are', () => {
    for (const { nodes } of explored) {
      for (const node of nodes.filter(({ status }) => status === 'active')) {
        const ended = step(step(node, { type: 'stop.requested' }), { type: 'children.stopped' })
        expect([ended.status, ended.output]).toEqual(['done', 'stopped'])
      }
    }
  })

  it('describes each of its states', () => {
    expect(statesWithoutDescription(supervisorMachine)).toEqual([])
  })
})
