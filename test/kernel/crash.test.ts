/** What is left of an actor that crashes: its ref and its mailbox, not the message that it failed at. */
import { fromBehavior, type ActorContext, type ActorRef, type Mailbox, type SpawnOptions } from 'troupe'
import { expect, it } from 'vitest'
import { balanced, failure, lab, later, listener, type Lab, type Say } from './system.ts'

type Setup = (ctx: ActorContext<Say>, generation: number) => void

/** An actor that writes down what it gets, and crashes at `crash`. */
const fragile = (l: Lab, heard: string[], { setup, ...options }: SpawnOptions<undefined> & { setup?: Setup } = {}) => {
  let generation = 0
  return l.system.spawn(
    fromBehavior<Say>((ctx) => {
      generation += 1
      const own = generation
      setup?.(ctx, own)
      return ({ type }) => {
        heard.push(`${own}:${type}`)
        if (type.startsWith('crash')) throw new Error('crashed')
        if (type === 'stash') ctx.stash()
      }
    }),
    { restart: 'permanent', id: 'fragile', ...options },
  )
}

const say = async (l: Lab, ref: ActorRef<Say>, ...types: string[]): Promise<void> => {
  for (const type of types) l.system.tell(ref, { type })
  await l.settle()
}

it('keeps its ref and its mailbox; the failing message is not tried again', async () => {
  const heard: string[] = []
  const l = await lab()
  const ref = fragile(l, heard)
  await say(l, ref, 'a', 'crash', 'b', 'c')
  expect(heard).toEqual(['1:a', '1:crash', '2:b', '2:c'])
  expect(l.system.lookup('/fragile')).toBe(ref)
  expect(balanced(l)).toBe(true)
})

it('tells in which message it crashed, and that it was restarted', async () => {
  const l = await lab()
  const ref = fragile(l, [])
  await say(l, ref, 'crash')
  expect(l.events).toMatchObject([
    { type: 'actor.started', ref, generation: 0 },
    { type: 'message.failed', ref, message: { type: 'crash' }, error: { code: 'DEFECT', message: 'crashed' } },
    { type: 'actor.restarted', ref, generation: 1 },
  ])
})

it('puts its stash back in front', async () => {
  const heard: string[] = []
  const l = await lab()
  const ref = fragile(l, heard, { setup: () => {} })
  let second = false
  const gate = l.system.spawn(
    fromBehavior<Say>((ctx) => {
      const again = second
      second = true
      return ({ type }) => {
        if (type === 'crash') throw new Error('no')
        if (again) heard.push(type)
        else ctx.stash()
      }
    }),
    { restart: 'permanent' },
  )
  await say(l, gate, 'a', 'b', 'crash', 'c')
  expect(heard).toEqual(['a', 'b', 'c'])
  expect(l.buried()).toEqual([])
  await l.system.stop(ref)
  expect(balanced(l)).toBe(true)
})

it('does not get back the message that it stashed and then crashed at', async () => {
  const heard: string[] = []
  const l = await lab()
  const ref = l.system.spawn(
    fromBehavior<Say>((ctx) => ({ type }) => {
      heard.push(type)
      if (type !== 'poison') return
      ctx.stash()
      throw new Error('no')
    }),
    { restart: 'permanent' },
  )
  await say(l, ref, 'poison', 'next')
  expect(heard).toEqual(['poison', 'next'])
  expect(balanced(l)).toBe(true)
})

it('gets its poison a few times more, in its place, and then it is a dead letter', async () => {
  const heard: string[] = []
  const l = await lab({ supervision: { intensity: 10 } })
  const ref = fragile(l, heard, { mailbox: { redeliver: 2 } })
  const asked = failure(l.system.ask(ref, { type: 'crash' }))
  await say(l, ref, 'next')
  expect(heard).toEqual(['1:crash', '2:crash', '3:crash', '4:next'])
  expect(l.buried()).toEqual(['crash poison'])
  expect(await asked).toMatchObject({ code: 'ACTOR_CRASHED' })
  expect(balanced(l)).toBe(true)
})

it('that is not restarted leaves its mail to the dead letters, and its askers know at once', async () => {
  const heard: string[] = []
  const l = await lab()
  const ref = fragile(l, heard, { restart: 'temporary' })
  l.system.tell(ref, { type: 'stash' })
  l.system.tell(ref, { type: 'crash' })
  const asked = failure(l.system.ask(ref, { type: 'question' }))
  await l.settle()
  expect(l.buried()).toEqual(['stash stopped', 'question stopped'])
  expect(await asked).toMatchObject({ code: 'ACTOR_TERMINATED' })
  expect(balanced(l)).toBe(true)
})

it('that has spent its restarts leaves its mail to the dead letters', async () => {
  const heard: string[] = []
  const l = await lab({ supervision: { intensity: 1 } })
  const ref = fragile(l, heard)
  await say(l, ref, 'crash', 'crash', 'left')
  await l.system.terminated.catch(() => {})
  expect(heard).toEqual(['1:crash', '2:crash'])
  expect(l.buried()).toEqual(['left stopped'])
})

it('loses its timers: no tick of the old incarnation reaches the new one', async () => {
  const heard: string[] = []
  const l = await lab()
  const ref = fragile(l, heard, {
    setup: (ctx, generation) => {
      if (generation > 1) return
      ctx.timers.start('late', { type: 'tick' }, { afterMs: 10 })
      ctx.timers.start('now', { type: 'tick now' }, { afterMs: 0 })
      ctx.receiveTimeout(10)
      ctx.pipe(Promise.resolve(), () => ({ type: 'piped' }))
    },
  })
  l.system.tell(ref, { type: 'crash' })
  await l.clock.advance(100)
  expect(heard.filter((each) => each.startsWith('2'))).toEqual([])
  expect(balanced(l)).toBe(true)
})

it('gets a new signal; the old one is aborted', async () => {
  const signals: AbortSignal[] = []
  const l = await lab()
  const ref = fragile(l, [], { setup: (ctx) => void signals.push(ctx.signal) })
  await say(l, ref, 'crash')
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, false])
  await say(l, ref, 'crash')
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, false])
  await l.system.stop(ref)
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true])
})

it('refuses what its old incarnation still does', async () => {
  const heard: string[] = []
  const l = await lab()
  const other = l.system.spawn(listener(heard))
  const old: ActorContext<Say>[] = []
  const ref = fragile(l, [], { setup: (ctx) => void old.push(ctx) })
  await say(l, ref, 'crash')
  const [zombie] = old
  expect(zombie?.tell(other, { type: 'x' })).toBe('rejected')
  zombie?.publish('topic', { type: 'x' })
  zombie?.timers.start('key', { type: 'x' }, { afterMs: 0 })
  zombie?.exit()
  zombie?.kill(other)
  void zombie?.stop(other)
  void zombie?.ask(other, { type: 'x' })
  void zombie?.send(other, { type: 'x' }, { timeoutMs: 1 })
  expect(() => zombie?.spawn(listener([]))).toThrow(expect.objectContaining({ code: 'ACTOR_TERMINATED' }))
  expect(() => zombie?.register('name', other)).toThrow(expect.objectContaining({ code: 'ACTOR_TERMINATED' }))
  await l.clock.advance(1_000)
  expect(heard).toEqual([])
  expect(l.system.lookup(other.path)).toBe(other)
})

it('has its children stopped before it starts again', async () => {
  const diary: string[] = []
  const l = await lab()
  const hold = later()
  const child = fromBehavior<Say>((ctx) => {
    ctx.onStop(async () => {
      await hold.promise
      diary.push('child stopped')
    })
    return () => {}
  })
  const ref = fragile(l, diary, {
    setup: (ctx, generation) => {
      diary.push(`setup ${generation}`)
      if (generation === 1) ctx.spawn(child, { id: 'child' })
    },
  })
  await say(l, ref, 'crash')
  expect(diary).toEqual(['setup 1', '1:crash'])
  hold.resolve()
  await l.settle()
  expect(diary).toEqual(['setup 1', '1:crash', 'child stopped', 'setup 2'])
})

it('keeps its children when it says so', async () => {
  const l = await lab()
  const ref = fragile(l, [], {
    stopChildren: false,
    setup: (ctx, generation) => generation === 1 && ctx.spawn(listener([]), { id: 'child' }),
  })
  await say(l, ref, 'crash')
  expect(l.system.lookup('/fragile/child')).toBeDefined()
})

it('calls its hook on the old state before a restart; what the hook throws is logged and ignored', async () => {
  const diary: string[] = []
  const l = await lab()
  const ref = fragile(l, diary, {
    setup: (ctx, generation) =>
      ctx.onStop((reason) => {
        diary.push(`hook ${generation} ${reason.type}`)
        throw new Error('in the hook')
      }),
  })
  await say(l, ref, 'crash', 'a')
  expect(diary).toEqual(['1:crash', 'hook 1 error', '2:a'])
  expect(l.logged).toContain('warn an onStop hook threw')
})

it('keeps what is sent to it while it is down, up to a bound', async () => {
  const heard: string[] = []
  const l = await lab()
  const hold = later()
  const ref = fragile(l, heard, {
    mailbox: { restartStash: 2 } satisfies Mailbox,
    setup: (ctx, generation) => void (generation === 1 && ctx.onStop(() => hold.promise)),
  })
  await say(l, ref, 'crash')
  await say(l, ref, 'a', 'b', 'c')
  expect(await failure(l.system.ask(ref, { type: 'd' }))).toMatchObject({ code: 'MAILBOX_FULL' })
  expect(l.buried()).toEqual(['c restart-stash-full', 'd restart-stash-full'])
  hold.resolve()
  await l.settle()
  expect(heard).toEqual(['1:crash', '2:a', '2:b'])
  expect(balanced(l)).toBe(true)
})

it('leaves nothing of a setup that throws: neither an actor, nor a child, nor a timer, nor a name', async () => {
  const heard: string[] = []
  const l = await lab()
  let child: unknown
  const failing = fromBehavior<Say>((ctx) => {
    child = ctx.spawn(listener(heard), { id: 'child' })
    ctx.timers.start('tick', { type: 'tick' }, { afterMs: 1 })
    ctx.register('known', ctx.self)
    ctx.subscribe('topic')
    throw new Error('no')
  })
  expect(() => l.system.spawn(failing, { id: 'x' })).toThrow(expect.objectContaining({ code: 'START_FAILED' }))
  await l.clock.advance(10)
  expect(child).toBeDefined()
  expect([l.system.lookup('/x'), l.system.lookup('/x/child'), l.system.lookup('known')]).toEqual([undefined, undefined, undefined])
  expect(l.system.stats().actors).toBe(0)
  l.system.publish('topic', { type: 'news' })
  expect(l.buried()).toEqual(['news no-subscribers'])
})

it('leaves nothing of a restart that fails to the next one', async () => {
  const heard: string[] = []
  const l = await lab()
  const stops: number[] = []
  const ref = fragile(l, heard, {
    setup: (ctx, generation) => {
      ctx.onStop(() => void stops.push(generation))
      if (generation !== 2) return
      ctx.timers.start('tick', { type: 'tick' }, { afterMs: 1 })
      throw new Error('not yet')
    },
  })
  await say(l, ref, 'crash', 'a')
  await l.clock.advance(10)
  expect(heard).toEqual(['1:crash', '3:a'])
  await l.system.stop(ref)
  expect(stops).toEqual([1, 3])
  expect(l.events.map(({ type }) => type)).toContain('actor.start-failed')
})

it('does not take others with it', async () => {
  const heard: string[] = []
  const l = await lab()
  const ref = fragile(l, [], { restart: 'temporary' })
  const other = l.system.spawn(listener(heard))
  await say(l, ref, 'crash')
  await say(l, other, 'a')
  expect(heard).toEqual(['a'])
})

it('crashes as well when what it pipes to itself cannot be made into a message', async () => {
  const l = await lab()
  const ref = l.system.spawn(
    fromBehavior<Say>((ctx) => {
      ctx.pipe(Promise.resolve(), () => {
        throw new Error('no message')
      })
      return () => {}
    }),
  )
  expect(await l.system.watch(ref)).toMatchObject({ type: 'error', error: { message: 'no message' } })
})

it('gets a rejected promise that it pipes as a message', async () => {
  const l = await lab()
  const heard: unknown[] = []
  l.system.spawn(
    fromBehavior<Say>((ctx) => {
      ctx.pipe(Promise.reject(new Error('no')), (result) => ({ type: 'result', result }))
      return ({ result }) => void heard.push(result)
    }),
  )
  await l.settle()
  expect(heard).toMatchObject([{ status: 'failed', error: { code: 'DEFECT', message: 'no' } }])
})

it('stops what a setup that throws had started, whose hooks may take their time while its name is free', async () => {
  const l = await lab()
  const hold = later()
  const stopped: string[] = []
  const child = fromBehavior<Say>((ctx) => {
    ctx.onStop(() => hold.promise.then(() => void stopped.push('child')))
    return () => {}
  })
  const failing = fromBehavior<Say>((ctx) => {
    ctx.spawn(child)
    throw new Error('no')
  })
  expect(() => l.system.spawn(failing, { id: 'x' })).toThrow(expect.objectContaining({ code: 'START_FAILED' }))
  const second = l.system.spawn(listener([]), { id: 'x' })
  expect(l.system.lookup('/x')).toBe(second)
  hold.resolve()
  await l.settle()
  expect(stopped).toEqual(['child'])
  expect(l.system.lookup('/x')).toBe(second)
  expect(l.system.stats().actors).toBe(1)
})

it('keeps as much anew each time that it is down', async () => {
  const l = await lab({ supervision: { backoff: { minMs: 100, maxMs: 100, jitter: 0 } } })
  const heard: string[] = []
  const ref = l.system.spawn(
    fromBehavior<Say>(() => ({ type }) => {
      if (type === 'crash') throw new Error('told to crash')
      heard.push(type)
    }),
    { restart: 'permanent', mailbox: { restartStash: 2 } },
  )
  for (const round of [1, 2]) {
    await say(l, ref, 'crash')
    await say(l, ref, `a${round}`, `b${round}`)
    await l.clock.advance(100)
  }
  expect(heard).toEqual(['a1', 'b1', 'a2', 'b2'])
  expect(l.buried()).toEqual([])
})
