/**
 * Every error, and the outcomes that runs end in. One level of inheritance: match on the class or on `code`,
 * never on text.
 */

/**
 * How a run ended, told apart by `status`. The class of an error decides its outcome, however deep it arose;
 * `run` throws the same error back, and `exhausted` as a BudgetError.
 */
export type Outcome<O = unknown> =
  | { readonly status: 'completed'; readonly output: O }
  // Tried without success.
  | { readonly status: 'failed'; readonly error: TroupeError }
  // Refused, by a rule or a person.
  | { readonly status: 'rejected'; readonly error: TroupeError }
  | { readonly status: 'exhausted'; readonly what: Limit; readonly cap: number; readonly spent: number }
  | { readonly status: 'cancelled'; readonly reason: string }
  // A `once` effect whose result was lost: a person has to find out.
  | { readonly status: 'unknown'; readonly effect: EffectRef }

/** What a run can run out of. */
export type Limit = 'usd' | 'tokens' | 'calls' | 'hops' | 'timeoutMs'

/** One recorded effect: its name, its idempotency key and its place in the run's journal. */
export type EffectRef = Readonly<{ name: string; key: string; step: number }>

type Details = Readonly<Record<string, unknown>>
type About = { retryable?: boolean; details?: Details; cause?: unknown }

/** Everything that troupe throws. A plain `Error` from user code becomes a DefectError. */
export abstract class TroupeError extends Error {
  /** Stable over releases. */
  abstract readonly code: string
  readonly retryable: boolean
  /** Plain JSON, so that it crosses a bus. */
  readonly details: Details

  constructor(message: string, { retryable = false, details = {}, cause }: About = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = new.target.name
    this.retryable = retryable
    this.details = details
  }

  toJSON(): { name: string; code: string; message: string; retryable: boolean; details: Details } {
    const { name, code, message, retryable, details } = this
    return { name, code, message, retryable, details }
  }
}

/** The program is put together wrongly; found when it is defined or started. */
export class ConfigurationError extends TroupeError {
  readonly code = 'CONFIGURATION'
}

/** A port, key, optional package or system is missing. */
export class NotProvidedError extends TroupeError {
  readonly code = 'NOT_PROVIDED'
}

/** One place where a value does not fit its contract. */
export type Fault = { path: string; message: string }

/** What came does not fit its contract. */
export class InvalidMessageError extends TroupeError {
  /** `INVALID_PLAN`: a plan with a cycle or a missing dependency. */
  readonly code: 'INVALID_MESSAGE' | 'INVALID_INPUT' | 'INVALID_OUTPUT' | 'INVALID_PLAN'
  readonly faults: readonly Fault[]
  /** Whose contract it is, an agent or a stage. */
  readonly agent?: string | undefined

  constructor(
    message: string,
    { code, faults, agent }: { code: InvalidMessageError['code']; faults: readonly Fault[]; agent?: string },
  ) {
    super(message, { retryable: code === 'INVALID_OUTPUT', details: { faults, ...(agent && { agent }) } })
    this.code = code
    this.faults = faults
    this.agent = agent
  }
}

/** Nobody took the message. */
export class DeliveryError extends TroupeError {
  readonly code:
    | 'MAILBOX_FULL'
    | 'NO_SUCH_ACTOR'
    | 'ACTOR_TERMINATED'
    | 'ASK_CYCLE'
    | 'STASH_FULL'
    | 'NO_ROUTE'
    | 'NO_BIDDER'
    | 'NO_PEER'
  readonly undelivered?: unknown

  constructor(code: DeliveryError['code'], message: string, undelivered?: unknown) {
    super(message, { retryable: code === 'MAILBOX_FULL' })
    this.code = code
    this.undelivered = undelivered
  }
}

/** An attempt, an ask or a send took longer than its limit. */
export class TimeoutError extends TroupeError {
  readonly code = 'TIMEOUT'
  readonly timeoutMs: number

  constructor(what: string, timeoutMs: number) {
    super(`${what} took longer than ${timeoutMs} ms`, { retryable: true, details: { timeoutMs } })
    this.timeoutMs = timeoutMs
  }
}

/** A model, store or bus failed. Users' own ports and `run` throw it too. */
export class ProviderError extends TroupeError {
  readonly code:
    | 'RATE_LIMITED'
    | 'UNAVAILABLE'
    | 'BAD_REQUEST'
    | 'UNAUTHORIZED'
    | 'REFUSED'
    | 'TRUNCATED'
    | 'EMPTY'
    | 'STORE'
    | 'BUS'
  readonly retryAfterMs?: number | undefined

  constructor(
    message: string,
    {
      code,
      retryable,
      retryAfterMs,
      cause,
    }: {
      code: ProviderError['code']
      retryable: boolean
      retryAfterMs?: number | undefined
      cause?: unknown
    },
  ) {
    super(message, { retryable, details: retryAfterMs === undefined ? {} : { retryAfterMs }, cause })
    this.code = code
    this.retryAfterMs = retryAfterMs
  }
}

/** The agent's circuit is open: not tried at all. */
export class CircuitOpenError extends TroupeError {
  readonly code = 'CIRCUIT_OPEN'
  readonly retryAfterMs: number

  constructor(agent: string, retryAfterMs: number) {
    super(`the circuit of "${agent}" is open for another ${retryAfterMs} ms`, {
      details: { agent, retryAfterMs },
    })
    this.retryAfterMs = retryAfterMs
  }
}

/** A limit of the run is spent. */
export class BudgetError extends TroupeError {
  readonly code = 'EXHAUSTED'
  readonly what: Limit
  readonly cap: number
  readonly spent: number

  constructor(what: Limit, cap: number, spent: number) {
    super(`the run's limit of ${cap} ${what} is spent (${spent})`, { details: { what, cap, spent } })
    this.what = what
    this.cap = cap
    this.spent = spent
  }
}

/** Somebody else was first: read again, then write. */
export class ConflictError extends TroupeError {
  readonly code:
    | 'CONFLICT'
    | 'DUPLICATE_RUN'
    | 'MAX_CHILDREN'
    | 'NAME_TAKEN'
    | 'STALE_EPOCH'
    | 'STORE_LOCKED'
  readonly expected?: unknown
  readonly actual?: unknown

  /** @param code default `CONFLICT` */
  constructor(key: string, expected: unknown, actual: unknown, code: ConflictError['code'] = 'CONFLICT') {
    super(`"${key}": expected ${String(expected)}, found ${String(actual)}`, {
      retryable: true,
      details: { key },
    })
    this.code = code
    this.expected = expected
    this.actual = actual
  }
}

/** Cancelled by the caller, a parent task or a shutdown. Never counted as a failure. */
export class CancelledError extends TroupeError {
  readonly code = 'CANCELLED'
  readonly reason: string

  constructor(reason: string) {
    super(`cancelled: ${reason}`, { details: { reason } })
    this.reason = reason
  }
}

/** What a signal was aborted with. */
export const abortedBy = ({ reason }: AbortSignal): CancelledError =>
  reason instanceof CancelledError
    ? reason
    : new CancelledError(reason instanceof Error ? reason.message : String(reason))

/** A supervisor used up its restarts. */
export class RestartLimitError extends TroupeError {
  readonly code = 'RESTART_LIMIT'

  constructor(path: string, intensity: number, periodMs: number, cause?: unknown) {
    super(`"${path}" gave up: more than ${intensity} restarts within ${periodMs} ms`, {
      details: { path, intensity, periodMs },
      cause,
    })
  }
}

/** Refused by a person or a guard. */
export class DeniedError extends TroupeError {
  /** `UNDECIDED`: nobody decided in time. */
  readonly code: 'DENIED' | 'UNDECIDED'
  readonly reason: string

  constructor(reason: string, code: DeniedError['code'] = 'DENIED') {
    super(reason, { details: { reason } })
    this.code = code
    this.reason = reason
  }
}

/** The result of a `once` effect was lost. */
export class UnknownEffectError extends TroupeError {
  readonly code = 'UNKNOWN_EFFECT'
  readonly effect: EffectRef

  constructor(effect: EffectRef) {
    super(`nobody knows whether "${effect.name}" was done`, { details: { effect } })
    this.effect = effect
  }
}

/** Anything else that was thrown; the original is its `cause`. */
export class DefectError extends TroupeError {
  /** `ACTOR_CRASHED`: told to an asker when the handler of its message threw. */
  readonly code: 'DEFECT' | 'START_FAILED' | 'ACTOR_CRASHED'

  constructor(message: string, cause: unknown, code: DefectError['code'] = 'DEFECT') {
    super(message, { cause })
    this.code = code
  }
}

/** What was thrown, as a TroupeError: itself, or a DefectError around it. */
export const toTroupeError = (thrown: unknown): TroupeError =>
  thrown instanceof TroupeError
    ? thrown
    : new DefectError(thrown instanceof Error ? thrown.message : String(thrown), thrown)

/** The outcome that an error stands for. */
export const outcomeOf = (error: TroupeError): Outcome<never> => {
  if (error instanceof BudgetError) {
    return { status: 'exhausted', what: error.what, cap: error.cap, spent: error.spent }
  }
  if (error instanceof CancelledError) return { status: 'cancelled', reason: error.reason }
  if (error instanceof UnknownEffectError) return { status: 'unknown', effect: error.effect }
  return { status: isRefusal(error) ? 'rejected' : 'failed', error }
}

const isRefusal = (error: TroupeError): boolean =>
  error instanceof DeliveryError ||
  error instanceof CircuitOpenError ||
  error instanceof DeniedError ||
  error instanceof ConflictError ||
  (error instanceof InvalidMessageError && error.code === 'INVALID_INPUT')

/** The error that an outcome other than `completed` is thrown as. */
export const errorOf = (outcome: Exclude<Outcome, { status: 'completed' }>): TroupeError => {
  switch (outcome.status) {
    case 'failed':
    case 'rejected':
      return outcome.error
    case 'exhausted':
      return new BudgetError(outcome.what, outcome.cap, outcome.spent)
    case 'cancelled':
      return new CancelledError(outcome.reason)
    case 'unknown':
      return new UnknownEffectError(outcome.effect)
  }
}
