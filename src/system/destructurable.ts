/**
 * Makes the methods of a class work when they are taken out of it: `const { tell } = ctx`. They are bound when they are
 * read, since binding all of them for each actor would cost more than the actor.
 */
export const destructurable = (prototype: object): void => {
  for (const [name, method] of methodsOf(prototype)) {
    Object.defineProperty(prototype, name, {
      configurable: true,
      get(this: object) {
        return method.bind(this)
      },
    })
  }
}

type Method = (...args: unknown[]) => unknown

/** Also those that it inherits, so that a class can be had both ways. */
const methodsOf = (prototype: object): Map<string, Method> => {
  const methods = new Map<string, Method>()
  for (let level: object = prototype; level !== Object.prototype; level = Object.getPrototypeOf(level) as object) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(level))) {
      if (name !== 'constructor' && typeof value === 'function' && !methods.has(name)) methods.set(name, value as Method)
    }
  }
  return methods
}
