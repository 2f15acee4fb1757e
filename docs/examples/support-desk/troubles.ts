/** Faults on purpose, for `--faults`: what can go wrong in a specialist, a bounded number of times. */
import { ProviderError, type Ctx, type System } from 'troupe'

/** Called before a specialist works; may do harm. */
export type Trouble = (ctx: Ctx) => void | Promise<void>

const first = (times: number, harm: Trouble): Trouble => {
  let left = times
  return (ctx) => (left-- > 0 ? harm(ctx) : undefined)
}

/** Never answers, the first so many times. */
export const hangs = (times: number): Trouble => first(times, (ctx) => ctx.sleep(3_600_000))

/** A bug, the first so many times: an error that nobody expected. */
export const crashes = (times: number): Trouble =>
  first(times, () => {
    throw new TypeError('a bug in the specialist: undefined is not a customer')
  })

/** An error that is worth another try, the first so many times. */
export const fails = (times: number): Trouble =>
  first(times, () => {
    throw new ProviderError('the price list is not to be reached', { code: 'UNAVAILABLE', retryable: true })
  })

/** Kills the actor of an agent when that has begun so many tasks; its supervisor starts it again. */
export const killsAfter =
  (agent: string, tasks: number) =>
  (system: System): void => {
    let begun = 0
    system.events.subscribe((event) => {
      if (event.type !== 'task.started' || event.agent !== agent || ++begun !== tasks) return
      const actor = system.lookup(`/${agent}`)
      if (actor) system.kill(actor)
    })
  }
