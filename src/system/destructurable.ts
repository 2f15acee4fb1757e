/**
 * Makes the methods of a class work when they are taken out of it: `const { tell } = ctx`. They are bound when they are
 * read, since binding all of them for each actor would cost more than the actor.
 */
export const destructurable = (prototype: object): void => {
  for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    if (name === 'constructor' || typeof value !== 'function') continue
    Object.defineProperty(prototype, name, {
      configurable: true,
      get(this: object) {
        return (value as (...args: unknown[]) => unknown).bind(this)
      },
    })
  }
}
