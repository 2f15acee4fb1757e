/** How many restarts are too many. */
import { beforeEach, describe, expect, it } from 'vitest'
import { RestartLimitError, supervisor, type SupervisorRef } from 'troupe'
import { specs, stage, statuses, type Stage } from './crew.ts'

let on: Stage
beforeEach(async () => {
  on = await stage()
})

const crewOf = (options: object, ...names: string[]): SupervisorRef => {
  const crew = on.system.spawn(supervisor({ ...options, children: specs(on, ...names) }), { id: 'crew' })
  on.told()
  return crew
}

const crash = async (name: string, times: number, everyMs: number): Promise<void> => {
  for (let count = 0; count < times; count += 1) {
    if (count > 0) await on.clock.advance(everyMs)
    await on.order(name, 'crash')
  }
}

describe('the sliding window', () => {
  it('takes three restarts within five seconds, unless told otherwise', async () => {
    crewOf({}, 'a')
    await crash('a', 3, 1)
    expect(on.ends.has('/crew')).toBe(false)
    await on.order('a', 'crash')
    expect(on.ends.get('/crew')).toMatchObject({ type: 'shutdown' })
  })

  it('counts a restart that is exactly as old as the period', async () => {
    crewOf({ intensity: 1, periodMs: 100 }, 'a')
    await crash('a', 2, 100)
    expect(on.ends.get('/crew')).toMatchObject({ type: 'shutdown' })
  })

  it('forgets a restart that is older', async () => {
    crewOf({ intensity: 1, periodMs: 100 }, 'a')
    await crash('a', 10, 101)
    expect(on.ends.has('/crew')).toBe(false)
  })

  it('slides with the restarts, and does not start anew', async () => {
    crewOf({ intensity: 2, periodMs: 100 }, 'a')
    await crash('a', 3, 60)
    expect(on.ends.has('/crew')).toBe(false)
    await on.clock.advance(30)
    await on.order('a', 'crash')
    expect(on.ends.get('/crew')).toMatchObject({ type: 'shutdown' })
  })

  it('is shared by all children', async () => {
    crewOf({ intensity: 2 }, 'a', 'b', 'c')
    for (const name of ['a', 'b', 'c']) await on.order(name, 'crash')
    expect(on.ends.get('/crew')).toMatchObject({ type: 'shutdown' })
  })

  it('counts a group restart once', async () => {
    crewOf({ strategy: 'one-for-all', intensity: 2 }, 'a', 'b', 'c')
    await crash('a', 2, 0)
    expect(on.ends.has('/crew')).toBe(false)
    await on.order('b', 'crash')
    expect(on.ends.get('/crew')).toMatchObject({ type: 'shutdown' })
  })

  it('gives up at the first restart when it takes none', async () => {
    crewOf({ intensity: 0 }, 'a')
    await on.order('a', 'crash')
    expect(on.told()).toEqual(['-a'])
    expect(on.ends.get('/crew')).toMatchObject({ type: 'shutdown' })
  })

  it('never gives up without a limit', async () => {
    crewOf({ intensity: Infinity }, 'a')
    await crash('a', 200, 0)
    expect(on.ends.has('/crew')).toBe(false)
  })
})

describe('a supervisor that gives up', () => {
  it('stops all children in reverse and restarts none', async () => {
    crewOf({ intensity: 0 }, 'a', 'b', 'c', 'd')
    await on.order('b', 'crash')
    expect(on.told()).toEqual(['-b', '-d', '-c', '-a'])
  })

  it('stops them in reverse also in the middle of its groups', async () => {
    crewOf({ intensity: 0, strategy: 'rest-for-one' }, 'a', 'b', 'c', 'd')
    await on.order('b', 'crash')
    expect(on.told()).toEqual(['-b', '-d', '-c', '-a'])
  })

  it('says so in an event, and ends with the error as its reason', async () => {
    const crew = crewOf({ intensity: 0, periodMs: 7 }, 'a')
    const events: object[] = []
    on.system.events.subscribe((event) => void (event.type === 'supervisor.gave-up' && events.push(event)))
    await on.order('a', 'crash')
    const reason = on.ends.get('/crew')
    expect(reason).toMatchObject({ type: 'shutdown', info: expect.any(RestartLimitError) })
    expect(reason).toMatchObject({ info: { details: { path: '/crew', intensity: 0, periodMs: 7 } } })
    expect(events).toMatchObject([{ type: 'supervisor.gave-up', ref: crew, error: { code: 'RESTART_LIMIT' } }])
  })

  it('gives the mail of its children to the dead letters', async () => {
    crewOf({ intensity: 0 }, 'a')
    const dead: string[] = []
    on.system.deadLetters.subscribe(({ message }) => dead.push(message.type))
    const child = on.ref('a')
    on.system.tell(child, { type: 'crash' })
    on.system.tell(child, { type: 'note' })
    await on.settle()
    expect(dead).toEqual(['note'])
    expect(on.ends.get('/crew/a')).toMatchObject({ type: 'error' })
  })
})

describe('a limit for each child', () => {
  it('lets five siblings fail once each', async () => {
    const crew = crewOf({ intensity: 100, perChild: { intensity: 1 } }, 'a', 'b', 'c', 'd', 'e')
    for (const name of ['a', 'b', 'c', 'd', 'e']) await on.order(name, 'crash')
    expect(await statuses(on.system, crew)).toMatchObject({ a: 'running', e: 'running' })
  })

  it('stops the child alone that goes beyond it, and says so', async () => {
    const crew = crewOf({ intensity: 100, perChild: { intensity: 2, periodMs: 100 } }, 'a', 'b')
    const gaveUp: string[] = []
    on.system.events.subscribe((event) => {
      if (event.type === 'supervisor.gave-up') gaveUp.push(String(event.error.details['path']))
    })
    await crash('a', 3, 10)
    expect(await statuses(on.system, crew)).toEqual({ a: 'stopped', b: 'running' })
    expect(gaveUp).toEqual(['/crew/a'])
    expect(on.ends.get('/crew/a')).toMatchObject({ type: 'error', error: { code: 'RESTART_LIMIT' } })
  })

  it('slides as well', async () => {
    const crew = crewOf({ intensity: 100, perChild: { intensity: 1, periodMs: 100 } }, 'a')
    await crash('a', 5, 101)
    expect(await statuses(on.system, crew)).toEqual({ a: 'running' })
  })

  it('comes on top of the limit of all', async () => {
    crewOf({ intensity: 1, perChild: { intensity: 5 } }, 'a')
    await crash('a', 2, 0)
    expect(on.ends.get('/crew')).toMatchObject({ type: 'shutdown' })
  })

  it('counts only the child that failed in a group', async () => {
    const options = { strategy: 'one-for-all', intensity: 100, perChild: { intensity: 1 } }
    const crew = crewOf(options, 'a', 'b')
    for (const name of ['a', 'b']) await on.order(name, 'crash')
    expect(await statuses(on.system, crew)).toEqual({ a: 'running', b: 'running' })
    await on.order('a', 'crash')
    expect(await statuses(on.system, crew)).toEqual({ a: 'stopped', b: 'running' })
  })

  it('leaves the rest of a group running', async () => {
    const options = { strategy: 'one-for-all', intensity: 100, perChild: { intensity: 0 } }
    const crew = crewOf(options, 'a', 'b', 'c')
    await on.order('b', 'crash')
    expect(on.told()).toEqual(['-b'])
    expect(await statuses(on.system, crew)).toEqual({ a: 'running', b: 'stopped', c: 'running' })
  })
})
