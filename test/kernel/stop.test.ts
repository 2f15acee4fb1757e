/** Ends: stop, drain, kill and exit, what each waits for, and which reason it leaves. */
import { contextOf, fromBehavior, type ActorContext, type ActorRef, type ExitReason, type SpawnOptions } from 'troupe'
import { createMachine, fromCallback } from 'xstate'
import { expect, it } from 'vitest'
import { kernelOf } from '../../src/system/start-system.ts'
import { balanced, lab, later, listener, standing, type Lab, type Say } from './system.ts'

const actor = ({ system }: Lab, act: (ctx: ActorContext<Say>, message: Say) => void, options: SpawnOptions<undefined> = {}) =>
  system.spawn(
    fromBehavior<Say>((ctx) => {
      act(ctx, { type: 'setup' })
      return (message) => act(ctx, message)
    }),
    options,
  )

const reasonOf = async (l: Lab, ref: ActorRef<never>, end: () => unknown): Promise<ExitReason> => {
  const reason = l.system.watch(ref)
  end()
  await l.settle()
  return reason
}

it('leaves the reason of its end', async () => {
  const l = await lab()
  const plain = (): ActorRef<Say> =>
    actor(l, (ctx, { type }) => {
      if (type === 'exit') ctx.exit()
      if (type === 'crash') throw new Error('no')
    })
  const [a, b, c, d, e] = [plain(), plain(), plain(), plain(), plain()]
  expect(await reasonOf(l, a, () => l.system.tell(a, { type: 'exit' }))).toEqual({ type: 'normal' })
  expect(await reasonOf(l, b, () => l.system.stop(b))).toEqual({ type: 'shutdown' })
  expect(await reasonOf(l, c, () => l.system.stop(c, { info: 'why' }))).toEqual({ type: 'shutdown', info: 'why' })
  expect(await reasonOf(l, d, () => l.system.kill(d))).toEqual({ type: 'killed' })
  expect(await reasonOf(l, e, () => l.system.tell(e, { type: 'crash' }))).toMatchObject({ type: 'error', error: { code: 'DEFECT' } })
  expect(await l.system.watch(e)).toEqual({ type: 'no-actor' })
})

it('stop of an actor whose handler is running comes after the message in hand', async () => {
  const l = await lab()
  const heard: string[] = []
  const other = l.system.spawn(listener(heard))
  const ref = actor(l, (ctx, { type }) => {
    if (type !== 'go') return
    void l.system.stop(ctx.self)
    ctx.tell(other, { type: 'still sent' })
  })
  l.system.tell(ref, { type: 'go' })
  l.system.tell(ref, { type: 'queued' })
  await l.system.watch(ref)
  await l.settle()
  expect(heard).toEqual(['still sent'])
  expect(l.buried()).toEqual(['queued stopped'])
})

it('stop waits for piped work and handles its result', async () => {
  const l = await lab()
  const work = later<string>()
  const heard: string[] = []
  const ref = actor(l, (ctx, { type, output }) => {
    if (type === 'go') ctx.pipe(work.promise, (result) => ({ type: 'done', output: result.status }))
    if (type === 'done') heard.push(String(output))
  })
  l.system.tell(ref, { type: 'go' })
  await l.settle()
  const stopped = l.system.stop(ref)
  await l.settle()
  expect(await standing(stopped)).toBe('open')
  expect(l.system.tell(ref, { type: 'more' })).toBe('rejected')
  work.resolve('x')
  await stopped
  expect(heard).toEqual(['completed'])
})

it('stop waits for the hook, as long as shutdownMs, then it kills', async () => {
  const l = await lab()
  const ref = actor(l, (ctx, { type }) => type === 'setup' && ctx.onStop(() => new Promise(() => {})), { shutdownMs: 100 })
  const reason = l.system.watch(ref)
  const stopped = l.system.stop(ref)
  await l.clock.advance(99)
  expect(await standing(stopped)).toBe('open')
  await l.clock.advance(1)
  await stopped
  expect(await reason).toEqual({ type: 'killed' })
  expect(l.system.stats().actors).toBe(0)
})

it('takes 5 seconds unless told otherwise, and what the stop says before what the actor says', async () => {
  const l = await lab()
  const hang = (ctx: ActorContext<Say>, { type }: Say): void => void (type === 'setup' && ctx.onStop(() => new Promise(() => {})))
  const [a, b] = [actor(l, hang), actor(l, hang, { shutdownMs: 100 })]
  const stopped = [l.system.stop(a), l.system.stop(b, { timeoutMs: 10_000 })]
  await l.clock.advance(4_999)
  expect(await Promise.all(stopped.map(standing))).toEqual(['open', 'open'])
  await l.clock.advance(1)
  expect(await Promise.all(stopped.map(standing))).toEqual([{ value: undefined }, 'open'])
  await l.clock.advance(5_000)
  await Promise.all(stopped)
})

it('brutal-kill does not ask', async () => {
  const l = await lab()
  const hooked: string[] = []
  const ref = actor(l, (ctx, { type }) => void (type === 'setup' && ctx.onStop(() => void hooked.push('hook'))), { shutdownMs: 'brutal-kill' })
  expect(await reasonOf(l, ref, () => l.system.stop(ref))).toEqual({ type: 'killed' })
  expect(hooked).toEqual([])
})

it('calls the hooks after the children are gone, once', async () => {
  const l = await lab()
  const diary: string[] = []
  const note = (name: string) => (ctx: ActorContext<Say>, type: string) =>
    void (type === 'setup' && ctx.onStop(({ type: reason }) => void diary.push(`${name} ${reason}`)))
  const ref = actor(l, (ctx, { type }) => {
    note('parent')(ctx, type)
    if (type !== 'setup') return
    for (const name of ['first', 'second']) {
      ctx.spawn(
        fromBehavior<Say>((own) => {
          note(name)(own, 'setup')
          return () => {}
        }),
      )
    }
  })
  await l.system.stop(ref)
  await l.system.stop(ref)
  expect(diary).toEqual(['second shutdown', 'first shutdown', 'parent shutdown'])
})

it('kill is at once: no hook runs, and everything below goes the same way', async () => {
  const l = await lab()
  const diary: string[] = []
  let child: ActorRef<Say> | undefined
  const signals: AbortSignal[] = []
  const ref = actor(l, (ctx, { type }) => {
    if (type !== 'setup') return
    ctx.onStop(() => void diary.push('hook'))
    signals.push(ctx.signal)
    child = ctx.spawn(listener([]))
  })
  const ends = Promise.all([l.system.watch(ref), l.system.watch(child!)])
  l.system.kill(ref)
  expect(l.system.lookup(ref.path)).toBeUndefined()
  expect(signals[0]?.aborted).toBe(true)
  expect(await ends).toEqual([{ type: 'killed' }, { type: 'killed' }])
  expect(diary).toEqual([])
  expect(l.system.stats().actors).toBe(0)
})

it('kill of itself in a handler refuses what the handler still does', async () => {
  const l = await lab()
  const heard: string[] = []
  const other = l.system.spawn(listener(heard))
  const ref = actor(l, (ctx, { type }) => {
    if (type !== 'go') return
    ctx.kill(ctx.self)
    ctx.tell(other, { type: 'from the dead' })
  })
  l.system.tell(ref, { type: 'go' })
  l.system.tell(ref, { type: 'next' })
  await l.settle()
  expect(heard).toEqual([])
  expect(l.buried()).toEqual(['next stopped', 'from the dead stale-epoch'])
  expect(balanced(l)).toBe(true)
})

it('kill of a permanent actor by itself restarts it, and the mailbox stays', async () => {
  const l = await lab()
  const heard: string[] = []
  const ref = actor(
    l,
    (ctx, { type }) => {
      heard.push(type)
      if (type === 'go') ctx.kill(ctx.self)
    },
    { restart: 'permanent' },
  )
  l.system.tell(ref, { type: 'go' })
  l.system.tell(ref, { type: 'next' })
  await l.settle()
  expect(heard).toEqual(['setup', 'go', 'setup', 'next'])
})

it('kill overtakes a stop that waits for children', async () => {
  const l = await lab()
  const diary: string[] = []
  const hang = fromBehavior<Say>((ctx) => {
    ctx.onStop(() => new Promise(() => {}))
    return () => {}
  })
  const ref = actor(l, (ctx, { type }) => {
    if (type !== 'setup') return
    ctx.spawn(hang)
    ctx.spawn(hang)
    ctx.onStop(() => void diary.push('hook'))
  })
  const reason = l.system.watch(ref)
  const stopped = l.system.stop(ref)
  await l.settle()
  l.system.kill(ref)
  await stopped
  expect(await reason).toEqual({ type: 'killed' })
  expect(diary).toEqual([])
  expect(l.system.stats().actors).toBe(0)
  expect(l.events.filter(({ type }) => type === 'actor.terminated')).toHaveLength(3)
})

it('kill overtakes a crash that waits for its hook, and the hook has no say afterwards', async () => {
  const l = await lab()
  const hold = later()
  let setups = 0
  const ref = actor(
    l,
    (ctx, { type }) => {
      if (type === 'crash') throw new Error('no')
      if (type !== 'setup') return
      setups += 1
      if (setups === 1) ctx.onStop(() => hold.promise)
      else ctx.onStop(() => new Promise(() => {}))
    },
    { restart: 'permanent' },
  )
  l.system.tell(ref, { type: 'crash' })
  await l.settle()
  l.system.kill(ref)
  await l.settle()
  expect(setups).toBe(2)
  l.system.tell(ref, { type: 'crash' })
  await l.settle()
  hold.resolve()
  await l.settle()
  expect(setups).toBe(2)
})

it('stop of an actor that is about to restart ends it for good', async () => {
  const l = await lab()
  const hold = later()
  let setups = 0
  const ref = actor(
    l,
    (ctx, { type }) => {
      if (type === 'crash') throw new Error('no')
      setups += 1
      ctx.onStop(() => hold.promise)
    },
    { restart: 'permanent' },
  )
  l.system.tell(ref, { type: 'crash' })
  await l.settle()
  const stopped = l.system.stop(ref)
  hold.resolve()
  await stopped
  expect(setups).toBe(1)
  expect(l.system.lookup(ref.path)).toBeUndefined()
})

it('stop of an actor that hangs on its way to a restart kills it in time', async () => {
  const l = await lab()
  const ref = actor(
    l,
    (ctx, { type }) => {
      if (type === 'crash') throw new Error('no')
      ctx.onStop(() => new Promise(() => {}))
    },
    { restart: 'permanent' },
  )
  l.system.tell(ref, { type: 'crash' })
  await l.settle()
  const stopped = l.system.stop(ref, { timeoutMs: 10 })
  await l.clock.advance(10)
  await stopped
  expect(l.system.stats().actors).toBe(0)
})

it('can stop itself while it starts', async () => {
  const l = await lab()
  const heard: string[] = []
  const ref = actor(l, (ctx, { type }) => {
    heard.push(type)
    if (type === 'setup') void ctx.stop(ctx.self)
  })
  await l.settle()
  expect(l.system.tell(ref, { type: 'x' })).toBe('rejected')
  expect(heard).toEqual(['setup'])
})

it('can kill itself while it starts, and nothing of it goes on', async () => {
  const l = await lab()
  const heard: string[] = []
  const ref = actor(l, (ctx, { type }) => {
    heard.push(type)
    if (type === 'setup') ctx.kill(ctx.self)
  })
  expect(l.system.tell(ref, { type: 'x' })).toBe('rejected')
  await l.settle()
  expect(heard).toEqual(['setup'])
  expect(l.system.stats().actors).toBe(0)
  expect(l.events.map(({ type }) => type)).not.toContain('actor.started')
})

it('starts no children any more while it stops', async () => {
  const l = await lab()
  let refused: unknown
  const ref = actor(l, (ctx, { type }) => {
    if (type !== 'setup') return
    ctx.onStop(() => {
      try {
        ctx.spawn(listener([]), { id: 'late' })
      } catch (error) {
        refused = error
      }
    })
  })
  await l.system.stop(ref)
  expect(refused).toMatchObject({ code: 'START_FAILED' })
  expect(l.system.stats().actors).toBe(0)
})

it('can still send in its hook', async () => {
  const l = await lab()
  const heard: string[] = []
  const other = l.system.spawn(listener(heard))
  const ref = actor(l, (ctx, { type }) => void (type === 'setup' && ctx.onStop(() => void ctx.tell(other, { type: 'bye' }))))
  await l.system.stop(ref)
  await l.settle()
  expect(heard).toEqual(['bye'])
})

it('drain handles what is there, takes no more, and stops', async () => {
  const l = await lab()
  const heard: string[] = []
  const ref = l.system.spawn(listener(heard))
  for (const type of ['a', 'b']) l.system.tell(ref, { type })
  const reason = l.system.watch(ref)
  const drained = l.system.drain(ref)
  expect(l.system.tell(ref, { type: 'c' })).toBe('rejected')
  await drained
  expect(heard).toEqual(['a', 'b'])
  expect(await reason).toEqual({ type: 'shutdown' })
  expect(l.buried()).toEqual(['c stopped'])
})

it('drain of an actor with nothing to do stops it', async () => {
  const l = await lab()
  await l.system.drain(l.system.spawn(listener([])))
  expect(l.system.stats().actors).toBe(0)
})

it('drain goes on after a restart', async () => {
  const l = await lab()
  const heard: string[] = []
  const ref = actor(
    l,
    (_, { type }) => {
      heard.push(type)
      if (type === 'crash') throw new Error('no')
    },
    { restart: 'permanent' },
  )
  for (const type of ['crash', 'a']) l.system.tell(ref, { type })
  await l.system.drain(ref)
  expect(heard).toEqual(['setup', 'crash', 'setup', 'a'])
  expect(l.system.tell(ref, { type: 'late' })).toBe('rejected')
})

it('drain has a limit, after which it is a stop', async () => {
  const l = await lab()
  const work = later()
  const ref = actor(l, (ctx, { type }) => {
    if (type === 'go') ctx.pipe(work.promise, () => ({ type: 'done' }))
    if (type !== 'setup') ctx.timers.start('again', { type: 'again' }, { afterMs: 5 })
  })
  l.system.tell(ref, { type: 'go' })
  const drained = l.system.drain(ref, { timeoutMs: 50 })
  await l.clock.advance(6_000)
  await drained
  expect(l.system.stats().actors).toBe(0)
})

it('an actor that stops itself is judged by its restart: permanent is started again', async () => {
  const l = await lab()
  const heard: string[] = []
  const act = (ctx: ActorContext<Say>, { type }: Say): void => {
    heard.push(type)
    if (type === 'quit') void ctx.stop(ctx.self)
  }
  const permanent = actor(l, act, { restart: 'permanent' })
  l.system.tell(permanent, { type: 'quit' })
  await l.settle()
  expect(heard).toEqual(['setup', 'quit', 'setup'])
  await l.system.stop(permanent)
  const transient = actor(l, act, { restart: 'transient' })
  expect(await reasonOf(l, transient, () => l.system.tell(transient, { type: 'quit' }))).toEqual({ type: 'shutdown' })
})

it('what waits in the stash when an actor stops is a dead letter', async () => {
  const l = await lab()
  const ref = actor(l, (ctx, { type }) => type !== 'setup' && ctx.stash())
  l.system.tell(ref, { type: 'kept' })
  await l.settle()
  await l.system.stop(ref)
  expect(l.buried()).toEqual(['kept stopped'])
  expect(balanced(l)).toBe(true)
})

it('stop and kill of what is gone do nothing', async () => {
  const l = await lab()
  const ref = l.system.spawn(listener([]))
  await l.system.stop(ref)
  await l.system.stop(ref)
  await l.system.drain(ref)
  l.system.kill(ref)
  expect(l.events.filter(({ type }) => type === 'actor.terminated')).toHaveLength(1)
})

it('can exit while it starts', async () => {
  const l = await lab()
  const ref = actor(l, (ctx, { type }) => type === 'setup' && ctx.exit())
  expect(await l.system.watch(ref)).toMatchObject({ type: expect.stringMatching(/normal|no-actor/) as unknown })
  expect(l.events.at(-1)).toMatchObject({ type: 'actor.terminated', reason: { type: 'normal' } })
})

it('answers what it owes in its hook', async () => {
  const l = await lab()
  const ref = actor(l, (ctx, { type }) => {
    if (type !== 'question') return
    const { envelope } = ctx
    ctx.onStop(() => ctx.reply('in the end', envelope))
  })
  const answer = l.system.ask(ref, { type: 'question' })
  await l.settle()
  await l.system.stop(ref)
  expect(await answer).toBe('in the end')
})

it('a machine that kills its own actor while it starts leaves nothing behind', async () => {
  const l = await lab()
  const log: string[] = []
  const leaf = fromCallback(() => () => void log.push('cleaned up'))
  const machine = createMachine({
    invoke: { src: leaf },
    entry: ({ self }) => {
      const ctx = contextOf({ self })
      ctx.kill(ctx.self)
    },
    after: { 10: { actions: () => void log.push('ticked') } },
  })
  l.system.spawn(machine)
  await l.clock.advance(100)
  expect(log).toEqual(['cleaned up'])
})

it('what counts for no bound, and is queued already, still arrives before the end', async () => {
  const l = await lab()
  const heard: string[] = []
  const watched = l.system.spawn(listener([]))
  const ref = l.system.spawn(
    fromBehavior<Say>((ctx) => {
      ctx.watch(watched)
      return ({ type }) => void heard.push(type)
    }),
  )
  const other = l.system.spawn(
    fromBehavior<Say>((ctx) => () => {
      ctx.kill(watched)
      ctx.tell(ref, { type: 'told' })
      void ctx.stop(ref)
    }),
  )
  l.system.tell(other, { type: 'now' })
  await l.settle()
  expect(heard).toEqual(['actor.terminated'])
  expect(l.buried()).toEqual(['told stopped'])
})

it('a drain that is over leaves no timer behind', async () => {
  const l = await lab()
  const { timers } = kernelOf(l.system)
  const before = timers.size
  await l.system.drain(l.system.spawn(listener([])), { timeoutMs: 1_000 })
  expect(timers.size).toBe(before)
})
