/** The path of a result, and the durations of agents, as the events of a run tell them. */
import { agent, parallel } from 'troupe'
import { describe, expect, it } from 'vitest'
import type { AnyAgent } from '../../src/contracts/agents.ts'
import type { RunEvent } from '../../src/contracts/runs.ts'
import { definition } from '../../src/contracts/agent-definition.ts'
import type { Role } from '../../src/contracts/team.ts'
import { agentsOf } from '../../src/cli/team.ts'
import { trailsOf } from '../../src/cli/trail.ts'

type Part = { role: Role; agent: AnyAgent }

/** As much of an agent as the command looks at. */
const fake = (name: string, parts: Part[] = []): AnyAgent =>
  ({ name, [definition]: { name, parts, input: undefined } }) as unknown as AnyAgent

const started = (taskId: string, agent: string, parentTaskId?: string, at = 0): RunEvent =>
  ({ type: 'task.started', taskId, agent, parentTaskId, at, attempt: 1 }) as unknown as RunEvent
const ended = (taskId: string, agent: string, at: number): RunEvent =>
  ({ type: 'task.ended', taskId, agent, at }) as unknown as RunEvent

const words = fake('words')
const opinions = fake('opinions', [{ role: 'branch', agent: words }])
const billing = fake('billing')
const desk = fake('desk')
const triage = fake('triage', [
  { role: 'by', agent: opinions },
  { role: 'target', agent: billing },
])

describe('the path of a run', () => {
  it('names who handled the work, first come first, and leaves out who only advised', () => {
    const trail = trailsOf(triage).follow()
    trail.add(started('1', 'triage'))
    trail.add(started('2', 'opinions', '1'))
    trail.add(started('3', 'words', '2'))
    trail.add(started('4', 'billing', '1'))
    trail.add(started('5', 'desk', '4'))
    expect(trail.path).toEqual(['triage', 'billing', 'desk'])
  })

  it('names a branch that its users called as a router calls who advises it', () => {
    const words = agent('words', { run: (text) => text })
    const trail = trailsOf(parallel('all', { branches: { by: words }, join: () => '' })).follow()
    trail.add(started('1', 'all'))
    trail.add(started('2', 'words', '1'))
    expect(trail.path).toEqual(['all', 'words'])
  })

  it('names an adviser that is run by itself', () => {
    const trail = trailsOf(words).follow()
    trail.add(started('1', 'words'))
    expect(trail.path).toEqual(['words'])
  })

  it('names an agent once, however often it tried or was asked', () => {
    const trail = trailsOf(triage).follow()
    trail.add(started('1', 'triage'))
    for (const task of ['2', '2', '3']) trail.add(started(task, 'billing', '1'))
    expect(trail.path).toEqual(['triage', 'billing'])
  })
})

describe('calls of models', () => {
  it('are counted by agent over all runs, but not answers from a cache', () => {
    const trails = trailsOf(triage)
    const call = (agent: string, cached: boolean): RunEvent =>
      ({ type: 'model.ended', agent, cached }) as unknown as RunEvent
    for (const trail of [trails.follow(), trails.follow()]) {
      trail.add(call('words', false))
      trail.add(call('billing', true))
    }
    trails.follow().add(call('words', false))
    expect([...trails.modelCalls]).toEqual([['words', 3]])
  })
})

describe('durations', () => {
  it('run from the first attempt at a task to its end, for advisers too', () => {
    const trails = trailsOf(triage)
    const trail = trails.follow()
    trail.add(started('1', 'triage', undefined, 0))
    trail.add(started('2', 'opinions', '1', 10))
    trail.add(started('2', 'opinions', '1', 20))
    trail.add(ended('2', 'opinions', 40))
    trail.add(ended('1', 'triage', 100))
    expect(trails.durations.get('opinions')?.percentile(0.5)).toBe(30)
    expect(trails.durations.get('triage')?.percentile(0.5)).toBe(100)
  })
})

describe('a team', () => {
  it('has all agents that its root is made of, once each', () => {
    const backed = fake('backed', [
      { role: 'target', agent: triage },
      { role: 'fallback', agent: desk },
    ])
    expect([...agentsOf([backed, triage]).keys()].toSorted()).toEqual([
      'backed',
      'billing',
      'desk',
      'opinions',
      'triage',
      'words',
    ])
  })
})
