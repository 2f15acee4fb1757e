/**
 * Checkpoint and resume: a new customer is set up in steps, each of which does something outside that must
 * not be done twice. A step that has finished is never run again, whoever crashes. One that was interrupted is
 * run again with the same key, by which those outside know that it is the same.
 */
import { agent, ProviderError, tool, type Agent, type Model, type System } from 'troupe'
import { z } from 'zod'

/** Who is to be set up, and with what. */
export const Customer = z.object({ id: z.string(), name: z.string(), services: z.array(z.string()) })
/** Who is to be set up, and with what. */
export type Customer = z.output<typeof Customer>

/** What was done for a customer. */
export const SetUp = z.object({ done: z.array(z.string()), greeting: z.string() })
/** What was done for a customer. */
export type SetUp = z.output<typeof SetUp>

/** Those outside: they do what has a new key, and answer again for a key that they know. */
export interface Outside {
  /** Every call, also those that were answered from memory. */
  readonly calls: readonly string[]
  /** What was done, each thing once. */
  readonly done: readonly string[]
  call(key: string, what: string): string
}

/** @param losesEvery of every n-th new thing the first answer is lost on its way, though it was done */
export const outside = (losesEvery = Infinity): Outside => {
  const calls: string[] = []
  const known = new Map<string, string>()
  return {
    calls,
    get done() {
      return [...known.values()]
    },
    call: (key, what) => {
      calls.push(key)
      const isNew = !known.has(key)
      known.set(key, what)
      if (isNew && known.size % losesEvery === 0) {
        throw new ProviderError('no answer came', { code: 'UNAVAILABLE', retryable: true })
      }
      return what
    },
  }
}

const Order = z.object({ what: z.string(), key: z.string() })

/** Half of the time on the way there, half on the way back. */
const WAY_MS = 50

const desk = (name: string, world: Outside): Agent<z.input<typeof Order>, string> =>
  agent(name, {
    input: Order,
    output: z.string(),
    retry: { attempts: 3, minMs: 100, jitter: false },
    run: async ({ what, key }, { sleep }) => {
      await sleep(WAY_MS)
      const answer = world.call(key, what)
      await sleep(WAY_MS)
      return answer
    },
  })

const Greeting = z.object({ name: z.string(), done: z.array(z.string()) })
type Greeter = Agent<z.input<typeof Greeting>, string>

/** Without a model. */
const greeter: Greeter = agent('greeter', {
  input: Greeting,
  run: ({ name, done }) => `Welcome, ${name}. You have: ${done.join(', ')}.`,
})

/** The workflow. Each step asks an agent; its key goes along, and is the same on every try. */
const workflow = (world: Outside, greets: Greeter): Agent<Customer, SetUp> => {
  const accounts = desk('accounts', world)
  const payments = desk('payments', world)
  const servers = desk('servers', world)
  return agent('set-up', {
    input: Customer,
    output: SetUp,
    run: async ({ name, services }, { step, ask }) => {
      const done = [
        await step('open', ({ key }) => ask(accounts, { what: `an account for ${name}`, key })),
        await step('charge', ({ key }) => ask(payments, { what: `a first invoice for ${name}`, key })),
      ]
      for (const service of services) {
        done.push(await step('provide', ({ key }) => ask(servers, { what: service, key })))
      }
      return { done, greeting: await step('greet', () => ask(greets, { name, done })) }
    },
  })
}

/** The team, with the world that it acts on. */
export const setUp = (world: Outside = outside()): Agent<Customer, SetUp> => workflow(world, greeter)

export default setUp()

/** Every third answer is lost. */
export const faults = setUp(outside(3))

/** Kills the workflow itself while a service is provided; its supervisor starts it again. */
export const sabotage = (system: System): void => {
  let provided = 0
  system.events.subscribe((event) => {
    if (event.type !== 'step.started' || event.name !== 'provide' || ++provided !== 2) return
    const actor = system.lookup('/set-up')
    if (actor) system.kill(actor)
  })
}

/** The same with a model that greets, and sends the greeting by mail, once. */
export const withModel = (model: Model, world: Outside = outside()): Agent<Customer, SetUp> => {
  const send = tool('send', {
    description: 'Sends a mail to the customer',
    input: z.object({ text: z.string() }),
    effect: 'keyed',
    run: ({ text }, { key }) => world.call(key, `a mail: ${text}`),
  })
  return workflow(
    world,
    agent('greeter', {
      input: Greeting,
      model,
      tools: [send],
      timeoutMs: 30_000,
      instructions: 'Greet the customer in one sentence that says what they have. Send it, then answer with it.',
    }),
  )
}
