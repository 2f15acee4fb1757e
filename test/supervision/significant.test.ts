/** Crews that end when those who matter have ended. */
import { beforeEach, describe, expect, it } from 'vitest'
import { supervisor, type Restart } from 'troupe'
import { stage, statuses, type Stage } from './crew.ts'

let on: Stage
beforeEach(async () => {
  on = await stage()
})

const lead = (id: string, restart: Restart = 'transient') => ({ id, logic: on.logic, restart, significant: true })
const crewOf = (autoShutdown: 'any-significant' | 'all-significant', ...children: ReturnType<typeof lead>[]) => {
  const help = { id: 'help', logic: on.logic }
  const crew = on.system.spawn(supervisor({ autoShutdown, children: [help, ...children] }), { id: 'crew' })
  on.told()
  return crew
}

describe('any-significant', () => {
  it('ends the crew, last first, when one has ended by itself', async () => {
    crewOf('any-significant', lead('a'), lead('b'))
    await on.order('a', 'finish')
    expect(on.told()).toEqual(['-a', '-b', '-help'])
    expect(on.ends.get('/crew')).toEqual({ type: 'shutdown' })
  })

  it('counts any end of a temporary child', async () => {
    crewOf('any-significant', lead('a', 'temporary'))
    await on.order('a', 'crash')
    expect(on.ends.get('/crew')).toEqual({ type: 'shutdown' })
  })

  it('counts no crash of a transient child: it is restarted', async () => {
    const crew = crewOf('any-significant', lead('a'))
    await on.order('a', 'crash')
    expect(await statuses(on.system, crew)).toEqual({ help: 'running', a: 'running' })
  })

  it('does not count children that are not significant', async () => {
    const crew = crewOf('any-significant', { ...lead('a'), significant: false })
    await on.order('a', 'finish')
    expect(await statuses(on.system, crew)).toEqual({ help: 'running', a: 'stopped' })
  })

  it('does not count what somebody else ended', async () => {
    const crew = crewOf('any-significant', lead('a'), lead('b', 'temporary'), lead('c'))
    await on.system.terminateChild(crew, 'a')
    await on.system.stop(on.ref('b'))
    expect(await statuses(on.system, crew)).toEqual({ help: 'running', a: 'stopped', c: 'running' })
  })

  it('does not count the death of a temporary sibling in a group restart', async () => {
    const children = [{ id: 'help', logic: on.logic }, lead('a', 'temporary')]
    const options = { strategy: 'one-for-all', autoShutdown: 'any-significant', children } as const
    const crew = on.system.spawn(supervisor(options), { id: 'crew' })
    await on.order('help', 'crash')
    expect(await statuses(on.system, crew)).toEqual({ help: 'running' })
  })
})

describe('all-significant', () => {
  it('waits until the last of them has ended by itself', async () => {
    crewOf('all-significant', lead('a'), lead('b'))
    await on.order('a', 'finish')
    expect(on.ends.has('/crew')).toBe(false)
    await on.order('b', 'finish')
    expect(on.ends.get('/crew')).toEqual({ type: 'shutdown' })
  })

  it('does not wait for one that was terminated', async () => {
    const crew = crewOf('all-significant', lead('a'), lead('b'))
    await on.system.terminateChild(crew, 'a')
    expect(on.ends.has('/crew')).toBe(false)
    await on.order('b', 'finish')
    expect(on.ends.get('/crew')).toEqual({ type: 'shutdown' })
  })

  it('waits for one that was started by hand', async () => {
    const crew = crewOf('all-significant', lead('a'))
    await on.system.startChild(crew, lead('b'))
    await on.order('a', 'finish')
    expect(on.ends.has('/crew')).toBe(false)
    await on.system.restartChild(crew, 'a')
    await on.order('b', 'finish')
    expect(on.ends.has('/crew')).toBe(false)
    await on.order('a', 'finish')
    expect(on.ends.has('/crew')).toBe(true)
  })

  it('waits for one that is being restarted', async () => {
    const options = { autoShutdown: 'all-significant', backoff: { minMs: 100 } } as const
    on.system.spawn(supervisor({ ...options, children: [lead('a'), lead('b')] }), { id: 'crew' })
    await on.order('a', 'crash')
    await on.order('b', 'finish')
    expect(on.ends.has('/crew')).toBe(false)
  })
})

it('goes on upwards: a significant crew that ends so ends the one above', async () => {
  const inner = supervisor({ autoShutdown: 'any-significant', children: [lead('a')] })
  const child = { id: 'inner', logic: inner, restart: 'transient', significant: true } as const
  on.system.spawn(supervisor({ autoShutdown: 'any-significant', children: [child] }), { id: 'crew' })
  await on.order('inner/a', 'finish')
  expect([...on.ends.keys()]).toEqual(['/crew/inner/a', '/crew/inner', '/crew'])
})

describe('is refused when it is defined', () => {
  const refused = expect.objectContaining({ name: 'ConfigurationError' })

  it('for a permanent child, which never ends by itself', () => {
    expect(() => supervisor({ autoShutdown: 'any-significant', children: [lead('a', 'permanent')] })).toThrow(refused)
  })

  it('under a supervisor that never ends so', () => {
    expect(() => supervisor({ children: [lead('a')] })).toThrow(refused)
    expect(() => supervisor({ autoShutdown: 'never', children: [lead('a', 'temporary')] })).toThrow(refused)
  })

  it('also by startChild', async () => {
    const crew = crewOf('any-significant', lead('a'))
    const started = on.system.startChild(crew, lead('b', 'permanent'))
    await expect(started).rejects.toMatchObject({ name: 'ConfigurationError' })
  })
})
