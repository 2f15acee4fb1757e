/// <reference lib="esnext.disposable" preserve="true" />
/** The entry `troupe`: the public runtime. Test tools, machines and stores have entries of their own. */
export * from '../actors/actions.ts'
export * from '../actors/agent.ts'
export * from '../actors/arbiter.ts'
export * from '../actors/auction.ts'
export * from '../actors/auctioneer.ts'
export * from '../actors/batch.ts'
export * from '../actors/blackboard.ts'
export * from '../actors/board.ts'
export * from '../actors/consensus.ts'
export * from '../actors/debate.ts'
export * from '../actors/from-behavior.ts'
export * from '../actors/from-step.ts'
export { guard } from '../actors/guard.ts'
export * from '../actors/human.ts'
export * from '../actors/orchestrator.ts'
export * from '../actors/parallel.ts'
export * from '../actors/peers.ts'
export * from '../actors/pipeline.ts'
export * from '../actors/plan.ts'
export * from '../actors/pool.ts'
export * from '../actors/router.ts'
export * from '../actors/supervisor.ts'
export { tool } from '../actors/tool.ts'
export { contextOf } from './contracts/context-of.ts'
export { defineProtocol } from './contracts/protocol.ts'
export { createSystem } from './create-system.ts'
export { mcp } from './mcp/mcp.ts'
export type * from './contracts/actors.ts'
export type * from './contracts/agents.ts'
export type * from './contracts/logic.ts'
export type * from './contracts/messages.ts'
export type * from './contracts/ports.ts'
export type * from './contracts/runs.ts'
export type * from './contracts/schemas.ts'
export type * from './contracts/supervision.ts'
export type * from './contracts/system.ts'
export type * from './contracts/tools.ts'
export {
  BudgetError,
  CancelledError,
  CircuitOpenError,
  ConfigurationError,
  ConflictError,
  DefectError,
  DeliveryError,
  DeniedError,
  InvalidMessageError,
  NotProvidedError,
  ProviderError,
  RestartLimitError,
  TimeoutError,
  TroupeError,
  UnknownEffectError,
} from './contracts/errors.ts'
export type { EffectRef, Limit, Outcome } from './contracts/errors.ts'
