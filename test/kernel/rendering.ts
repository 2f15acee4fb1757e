/**
 * Renders one component that holds one text, without a browser: enough of React's hooks for `useSelector`. A renderer of
 * its own would be a dependency for one test.
 */
import * as React from 'react'

interface Element {
  readonly props: { readonly children: string }
}

interface Internals {
  H: object | null
}

type Cleanup = (() => void) | void

/** What a component has rendered so far, and how to end it. */
export interface Rendering {
  texts(): readonly string[]
  unmount(): void
}

/** Renders at once, and again whenever its store says so. */
export const rendering = (component: () => unknown): Rendering => {
  const internals = (React as unknown as Record<string, Internals>)[
    '__CLIENT_INTERNALS_DO_NOT_USE_OR_WARN_USERS_THEY_CANNOT_UPGRADE'
  ]!
  const cells: unknown[] = []
  const texts: string[] = []
  const cleanups: Cleanup[] = []
  let at = 0
  let effects: (() => Cleanup)[] = []

  const kept = <T>(make: () => T): T => {
    const index = at
    at += 1
    if (!(index in cells)) cells[index] = make()
    return cells[index] as T
  }
  const memo = <T>(make: () => T, inputs?: readonly unknown[]): T => {
    const last = kept<{ inputs?: readonly unknown[] | undefined; value?: T }>(() => ({}))
    const same = inputs && last.inputs?.every((input, i) => Object.is(input, inputs[i]))
    if (!same) Object.assign(last, { inputs, value: make() })
    return last.value as T
  }
  const effect = (act: () => Cleanup, inputs?: readonly unknown[]): void => memo(() => void effects.push(act), inputs)
  const hooks = {
    useRef: <T>(current: T) => kept(() => ({ current })),
    useMemo: memo,
    useCallback: <T>(fn: T, inputs?: readonly unknown[]) => memo(() => fn, inputs),
    useEffect: effect,
    useLayoutEffect: effect,
    useDebugValue: () => {},
    useSyncExternalStore: <T>(subscribe: (changed: () => void) => () => void, get: () => T): T => {
      const shown = kept<{ value?: T }>(() => ({}))
      shown.value = get()
      effect(
        () =>
          subscribe(() => {
            if (!Object.is(shown.value, get())) render()
          }),
        [subscribe],
      )
      return shown.value
    },
  }
  const render = (): void => {
    at = 0
    effects = []
    internals.H = hooks
    try {
      texts.push((component() as Element).props.children)
    } finally {
      internals.H = null
    }
    for (const act of effects) cleanups.push(act())
  }
  render()
  return { texts: () => texts, unmount: () => cleanups.forEach((cleanup) => cleanup?.()) }
}
