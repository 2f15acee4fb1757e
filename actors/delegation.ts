/** The answer to a delegation, which knows whether somebody looks at it. */

/**
 * A promise of the answer. Nobody has to await it: a rejection that nobody handles is for its lead to judge,
 * not for the process.
 */
export class Delegation<T> extends Promise<T> {
  #isSeen = false

  // What is made of it is a plain promise: it runs the constructor too.
  static override get [Symbol.species](): PromiseConstructor {
    return Promise
  }

  /** The same answer. */
  static of<T>(answer: Promise<T>): Delegation<T> {
    const made = new Delegation<T>((resolve) => resolve(answer))
    made.then(undefined, () => {})
    made.#isSeen = false
    return made
  }

  /** Whether anybody has asked for it: by `await`, `catch`, `Promise.all` and the like. */
  get isSeen(): boolean {
    return this.#isSeen
  }

  // `await` of a promise that is no plain one comes by here, and so does all else.
  // oxlint-disable-next-line unicorn/no-thenable
  override then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#isSeen = true
    return super.then(onFulfilled, onRejected)
  }
}
