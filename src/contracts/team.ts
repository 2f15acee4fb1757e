/**
 * What a team is made of, in the words of its agents: each agent says how it works, within which bounds, and which
 * agents it is made of. For graphs, checks and consoles; nothing here is needed to run a team.
 */
import type { AnyAgent } from './agents.ts'

/** What an agent is to the one that it is a part of. */
export type Role =
  // Of a router: names the target; the work is handed to one of these; or to this one for all other cases.
  // `otherwise` is of a consensus and of a human as well.
  | 'by'
  | 'target'
  | 'otherwise'
  // Of a pipeline.
  | 'stage'
  // Of a parallel, or an arbiter: one of those side by side.
  | 'branch'
  // Of an arbiter: names the winner of a clash.
  | 'resolve'
  | 'delegate'
  // Of an agent with a model: it may call this one.
  | 'tool'
  | 'planner'
  | 'worker'
  | 'voter'
  // Of a debate.
  | 'peer'
  | 'judge'
  // Of `peers`.
  | 'lead'
  | 'member'
  // Of a blackboard.
  | 'source'
  | 'bidder'
  // Of any agent; with a key of that stage of a pipeline.
  | 'fallback'

/** An agent that another one is made of. */
export interface Part {
  readonly role: Role
  /** As its users call it: the key of a target or branch, the name of a tool; of a stage its place, from 1. */
  readonly key?: string | undefined
  readonly agent: AnyAgent
}

/** How an agent does its work, with the bounds that are its own. What all agents have is in their definition. */
export type Shape =
  | { readonly kind: 'function' }
  | { readonly kind: 'machine' }
  // Its bounds are those of its turns.
  | { readonly kind: 'model' }
  | {
      readonly kind: 'router'
      /** Whether a decision follows each step: then the hops of the run are its bound. */
      readonly dynamic: boolean
      /** From 0 to 1; 0: any will do. */
      readonly minConfidence: number
    }
  | {
      readonly kind: 'pipeline'
      /** Gates that send work back: from which stage to which one, both from 1, and how often at most. */
      readonly revisions: readonly { readonly from: number; readonly to: number; readonly max: number }[]
    }
  | { readonly kind: 'parallel'; readonly need: 'settled' | 'all' | 'any' | { readonly quorum: number } }
  | { readonly kind: 'arbiter'; readonly rule: string }
  | { readonly kind: 'orchestrator' }
  | { readonly kind: 'plan'; readonly rounds: number; readonly width: number }
  | { readonly kind: 'consensus'; readonly needed: number }
  | { readonly kind: 'debate'; readonly rounds: number }
  | { readonly kind: 'peers' }
  | { readonly kind: 'blackboard'; readonly maxDepth: number; readonly maxActivations: number }
  | {
      readonly kind: 'auction'
      readonly rounds: number
      readonly bidTimeoutMs: number
      readonly awardTimeoutMs: number
      /** Whether only bidders with the capability that a task needs are called. */
      readonly byCapability: boolean
    }
  | {
      readonly kind: 'human'
      /** Nobody in particular: anyone. */
      readonly by: readonly string[]
      readonly of: number
      /** Then `otherwise` answers. */
      readonly timeoutMs: number
      /** Whether a function answers in place of people. */
      readonly standIn: boolean
    }
