/**
 * Troupe for the peers harness (`npm run bench`): the workloads w1, w2, w3, w6 and w7 as its users write them. Agents have
 * contracts on input and output; ids, time limits, cancellation and events are on, as they always are.
 */
import { readFileSync } from 'node:fs'
import { agent, contextOf, createSystem, fromBehavior, parallel, pipeline, reply, router } from 'troupe'
import { assign, fromTransition, setup } from 'xstate'
import { z } from 'zod'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

const Item = z.object({ text: z.string(), n: z.number() })
const SPECIALISTS = ['billing', 'technical', 'sales']
const SLEEP_MS = 50

const work = (tag) => ({ text, n }) => ({ text: text + tag, n: n + 1 })
const merge = (results) => ({
  text: results.map((result) => result.text).join('|'),
  n: results.reduce((sum, result) => sum + result.n, 0),
})
const sleep = () => new Promise((resolve) => setTimeout(resolve, SLEEP_MS))

const worker = (name, tag) => {
  const step = work(tag)
  return agent(name, { input: Item, output: Item, run: async (item) => step(item) })
}
const sleeper = (name) => {
  const step = work(name)
  const run = async (item) => {
    await sleep()
    return step(item)
  }
  return agent(name, { input: Item, output: Item, run, concurrency: 10_000 })
}

/** One system per workload; a run is a run, with everything that it promises. */
const runs = async (team) => {
  const system = await createSystem({ agents: [team] })
  return { run: (input) => system.run(team, input), close: () => system.stop() }
}

const joined = (results) => merge(Object.values(results).map((outcome) => outcome.output))

const counting = fromBehavior((ctx) => {
  let n = 0
  return (message) => {
    if (message.type !== 'read') n += 1
    if (message.type !== 'inc') ctx.reply(n)
  }
})

const counter = setup({
  actions: { count: assign({ n: ({ context }) => context.n + 1 }), answer: reply(({ context }) => context.n) },
}).createMachine({
  id: 'counter',
  context: { n: 0 },
  on: {
    inc: { actions: 'count' },
    ask: { actions: ['count', reply(({ context }) => context.n)] },
    read: { actions: 'answer' },
  },
})

// The same logic that the harness measures under plain XState; it answers when it is asked.
const transition = fromTransition((state, event, scope) => {
  if (event.type === 'inc') return { n: state.n + 1 }
  const n = event.type === 'ask' ? state.n + 1 : state.n
  contextOf(scope).reply(n)
  return { n }
}, { n: 0 })

const actors = async (logic) => {
  const system = await createSystem()
  const options = { mailbox: { overflow: 'unbounded' } }
  const one = () => system.spawn(logic, options)
  const stopAll = (team) => Promise.all(team.map((ref) => system.stop(ref)))
  return {
    tell: async (size, messages) => {
      const team = Array.from({ length: size }, one)
      for (let i = 0; i < messages; i += 1) system.tell(team[i % size], { type: 'inc' })
      const totals = await Promise.all(team.map((ref) => system.ask(ref, { type: 'read' }, { timeoutMs: 60_000 })))
      await stopAll(team)
      return totals.reduce((sum, n) => sum + n, 0)
    },
    ask: async (messages) => {
      const ref = one()
      let last = 0
      for (let i = 0; i < messages; i += 1) last = await system.ask(ref, { type: 'ask' })
      await system.stop(ref)
      return last
    },
    spawnStop: async (n) => {
      let stopped = 0
      const unsubscribe = system.events.subscribe((event) => {
        if (event.type === 'actor.terminated') stopped += 1
      })
      for (let i = 0; i < n; i += 1) void system.stop(one())
      await system.settle()
      unsubscribe()
      return stopped
    },
    idle: async (n) => {
      const team = Array.from({ length: n }, one)
      return { count: () => team.length, stop: () => stopAll(team) }
    },
  }
}

/** Idle agents: no messages to count, so only their bytes mean something. */
const agents = async () => {
  const system = await createSystem()
  const plain = await actors(counting)
  const worker = agent('worker', { input: Item, output: Item, run: async (item) => item })
  return {
    ...plain,
    idle: async (n) => {
      const team = Array.from({ length: n }, () => system.spawn(worker))
      return { count: () => team.length, stop: () => Promise.all(team.map((ref) => system.stop(ref))) }
    },
  }
}

export default {
  name: 'troupe',
  version,
  workloads: {
    w1: () => runs(pipeline('pipeline', [worker('a', 'a'), worker('b', 'b'), worker('c', 'c')])),
    w2: () =>
      runs(
        parallel('fan-out', {
          branches: { a: worker('a', 'a'), b: worker('b', 'b'), c: worker('c', 'c') },
          need: 'all',
          join: joined,
        }),
      ),
    w3: () => {
      const classify = agent('classify', {
        input: Item,
        output: z.enum(SPECIALISTS),
        run: async ({ n }) => SPECIALISTS[n % SPECIALISTS.length],
      })
      const to = Object.fromEntries(SPECIALISTS.map((name) => [name, worker(name, `:${name}`)]))
      return runs(router('triage', { by: classify, to }))
    },
    w6: async () => ({
      variants: {
        behavior: await actors(counting),
        transition: await actors(transition),
        machine: await actors(counter),
        agent: await agents(),
      },
    }),
    w7: () => runs(pipeline('pipeline', ['a', 'b', 'c'].map(sleeper), { concurrency: 10_000 })),
  },
}
