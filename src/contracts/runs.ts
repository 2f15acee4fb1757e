/** Runs: one execution of an agent for one input, what happens in it, and what people decide in it. */
import type { AnyAgent, TaskOptions } from './agents.ts'
import type { Outcome, TroupeError } from './errors.ts'
import type { ModelMessage, ModelResult, Usage } from './ports.ts'
import type { Options, Stream } from './schemas.ts'

/** A run that was submitted. */
export interface Run<out O> {
  readonly id: string
  /** Never rejects. */
  readonly outcome: Promise<Outcome<O>>
  /** From the first event; ends with the run. Beyond 1_000 unread ones: `run.skipped`. */
  events(): AsyncIterable<RunEvent>
  cancel(reason?: string): void
}

/** How an agent is run. */
export interface RunOptions extends TaskOptions {
  /** With the same input the same run; with another one it is rejected, ConflictError `DUPLICATE_RUN`. */
  id?: string | undefined
  /** The conversation that it belongs to: agents with a model read and extend its transcript. */
  session?: string | undefined
  /** W3C trace context. */
  traceparent?: string | undefined
}

/** What happens in a run, in order. `at` is milliseconds since the epoch, `seq` counts from 1. */
export type RunEvent = Readonly<
  {
    seq: number
    at: number
    runId: string
    taskId: string
    /** The task that asked for this one; none for the root. */
    parentTaskId?: string | undefined
    agent: string
    path: string
  } & (
    | { type: 'run.started'; input: unknown; attempt: number }
    | { type: 'run.ended'; outcome: Outcome }
    | { type: 'task.started'; input: unknown; attempt: number }
    | { type: 'task.ended'; outcome: Outcome }
    | { type: 'task.retried'; error: TroupeError; delayMs: number }
    | { type: 'state.changed'; from: string; to: string }
    | { type: 'text.delta'; text: string }
    | { type: 'model.ended'; model: string; finish: ModelResult['finish']; usage: Usage; cached: boolean }
    | { type: 'tool.started'; name: string; key: string; input: unknown }
    | { type: 'tool.ended'; name: string; key: string; outcome: Outcome }
    | { type: 'step.started'; name: string; key: string; input: unknown }
    | { type: 'step.ended'; name: string; key: string; outcome: Outcome }
    // `to`: the name of an agent.
    | { type: 'handoff.made'; to: string; hops: number }
    | {
        type: 'decision.made'
        kind: 'route' | 'vote' | 'award' | 'revision' | 'fallback' | 'plan' | 'conflict' | 'guard'
        /** A key of the pattern; for a fallback the agent's name. */
        chosen: string
        alternatives: readonly string[]
        reason?: string | undefined
      }
    | { type: 'approval.requested'; request: ApprovalRequest }
    | { type: 'approval.decided'; request: ApprovalRequest }
    // Nothing on the board is left to do; once per busy spell.
    | { type: 'board.quiescent'; revision: number }
    // Of `ctx.emit`.
    | { type: 'run.emitted'; name: string; data: unknown }
    | { type: 'run.skipped'; count: number }
  )
>

/** The runs of a system, also those that were recovered. */
export interface Runs {
  /** Newest first. `limit` defaults to 100; `after` is the id to go on from. */
  list(
    filter?: Options<{ agent: string; status: RunInfo['status']; limit: number; after: string }>,
  ): Promise<readonly RunInfo[]>

  show(id: string): Promise<{ info: RunInfo; events: readonly RunEvent[] } | undefined>

  /** A run by id, also one that was recovered. */
  attach(id: string): Run<unknown>

  /** `false`: it had ended. */
  cancel(id: string, reason?: string): Promise<boolean>

  /** Ends `unknown`: says what became of the effect, or has it run again. */
  resolve(
    id: string,
    effect: { key: string; result: { output: unknown } | { error: string } | 'run-again' },
  ): Promise<Decided>

  /** Runs it again from its journal, without network, and compares. */
  replay(
    id: string,
  ): Promise<{ same: true } | { same: false; step: number; expected: unknown; actual: unknown }>

  /** A new run that shares the steps before `at`. */
  fork(
    id: string,
    options: {
      at: number
      input?: unknown
      agent?: AnyAgent | undefined
      id?: string | undefined
    },
  ): Promise<Run<unknown>>

  /**
   * Deletes runs that have ended, with their journals, and resolves to how many. With both options a run goes
   * when both allow it. What runs or waits stays, and so does a run in `unknown` until it is resolved.
   * @throws ConfigurationError rejects with it when neither is given
   */
  prune(
    options: Options<{
      /** Since the run ended. */
      olderThanMs: number
      /** The newest so many stay. */
      keep: number
    }>,
  ): Promise<number>
}

/** A run in a list. */
export type RunInfo = Readonly<{
  id: string
  agent: string
  /** `waiting`: for people, whatever else of it is at work. */
  status: 'running' | 'waiting' | Outcome['status']
  /** Milliseconds since the epoch. */
  startedAt: number
  /** Milliseconds since the epoch. */
  endedAt?: number | undefined
  input: unknown
  outcome?: Outcome | undefined
  usage: Usage
}>

/** What waits for people: tools to be approved, questions of `human` agents. */
export interface Approvals {
  /** Default: those that are waiting. */
  list(
    filter?: Options<{ runId: string; by: string; status: ApprovalRequest['status'] }>,
  ): Promise<readonly ApprovalRequest[]>

  approve(id: string, decision: { by: string }): Promise<Decided>
  deny(id: string, decision: { by: string; reason: string }): Promise<Decided>

  /**
   * Approves other arguments than the model's.
   * @throws InvalidMessageError rejects with `INVALID_INPUT`
   */
  edit(id: string, decision: { by: string; input: unknown }): Promise<Decided>

  /**
   * Answers the question of a `human` agent.
   * @throws InvalidMessageError rejects with `INVALID_OUTPUT`
   */
  answer(id: string, decision: { by: string; output: unknown }): Promise<Decided>

  readonly waiting: Stream<ApprovalRequest>
}

/** One thing that people have to decide. */
export type ApprovalRequest = Readonly<{
  id: string
  runId: string
  agent: string
  kind: 'tool' | 'question'
  name: string
  input: unknown
  /** Who may decide. */
  by: readonly string[]
  /** How many of them have to. */
  of: number
  /** Absolute milliseconds. */
  deadline?: number | undefined
  status: 'waiting' | 'approved' | 'denied' | 'edited' | 'answered' | 'expired' | 'superseded'
  decisions: readonly {
    by: string
    verdict: string
    /** Milliseconds since the epoch. */
    at: number
    reason?: string | undefined
  }[]
}>

/** What became of a decision; only `recorded` changes anything. */
export type Decided = 'recorded' | 'already-decided' | 'expired' | 'superseded' | 'not-allowed'

/** The conversations of `RunOptions.session`. */
export interface Sessions {
  /** The transcript, oldest message first; `undefined`: there is no such session. */
  get(id: string): Promise<readonly ModelMessage[] | undefined>
  /** Latest use first. `limit` defaults to 100; `after` is the id to go on from. */
  list(options?: Options<{ limit: number; after: string }>): Promise<readonly SessionInfo[]>
  /** `false`: there was no such session. */
  delete(id: string): Promise<boolean>
}

/** A session in a list. */
export type SessionInfo = Readonly<{
  id: string
  /** Milliseconds since the epoch. */
  updatedAt: number
  /** How many it holds. */
  messages: number
}>
