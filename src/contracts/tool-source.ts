/** Tools that are known only once somebody asks for them: those of a server. Not exported by `troupe`. */
import { z } from 'zod'
import type { Fault } from './errors.ts'
import type { Clock, Logger } from './ports.ts'
import type { Schema } from './schemas.ts'
import type { FunctionTool } from './tool-definition.ts'
import type { Effect, Mcp } from './tools.ts'

/** What gives tools at run time. */
export interface ToolSource extends Held {
  /** What people know it by. */
  readonly title: string
  /** What was chosen for all of its tools; `undefined`: each says so itself. */
  readonly effect: Effect | undefined
  /**
   * The tools as they are now, under the names that they have there; the same array while nothing
   * has changed. Connects where there is no connection.
   * @throws a TroupeError rejects with it
   */
  tools(user: ToolUser): Promise<readonly FunctionTool[]>
}

/** Who asks for tools. */
export interface ToolUser {
  /** Until it lets go, the connection is kept. */
  readonly holder: object
  readonly clock: Clock
  readonly log: Logger
  /** It waits no longer. */
  readonly signal: AbortSignal
}

/** Something outside of a system that is let go when the system stops. */
export interface Held {
  release(holder: object): Promise<void>
}

/** The tools of a server, as our factory made them. */
export class DefinedMcp implements Mcp {
  readonly kind = 'mcp'
  readonly #source: ToolSource & { close(): Promise<void> }

  constructor(source: ToolSource & { close(): Promise<void> }) {
    this.#source = source
  }

  close(): Promise<void> {
    return this.#source.close()
  }

  /** What stands behind it; `undefined` for an object that no factory made. */
  static sourceOf(mcp: object): ToolSource | undefined {
    return mcp instanceof DefinedMcp ? mcp.#source : undefined
  }
}

/** A schema of objects that somebody else checks. @param faultsOf what is wrong with an object */
export const objectChecked = (faultsOf: (value: object) => readonly Fault[]): Schema =>
  z.unknown().check((context) => {
    const { value: input } = context
    const isObject = typeof input === 'object' && input !== null && !Array.isArray(input)
    const faults = isObject ? faultsOf(input) : [{ path: '', message: 'expected an object' }]
    for (const { path, message } of faults) {
      context.issues.push({ code: 'custom', input, message, path: path === '' ? [] : path.split('.') })
    }
  })
