/** The factories without their types, which would forbid what the teams here do wrong; and short forms of agents. */
import * as troupe from 'troupe'
import type { AnyAgent, AnyTool } from 'troupe'
import { scripted } from 'troupe/models/scripted'
import { z } from 'zod'

type Schema = z.core.$ZodType
type Factory = (name: string, options: object) => AnyAgent

const untyped = (factory: unknown): Factory => factory as Factory

export const agent = untyped(troupe.agent)
export const arbiter = untyped(troupe.arbiter)
export const auction = untyped(troupe.auction)
export const blackboard = untyped(troupe.blackboard)
export const consensus = untyped(troupe.consensus)
export const debate = untyped(troupe.debate)
export const human = untyped(troupe.human)
export const orchestrator = untyped(troupe.orchestrator)
export const parallel = untyped(troupe.parallel)
export const peers = untyped(troupe.peers)
export const plan = untyped(troupe.plan)
export const router = untyped(troupe.router)
export const pipeline = troupe.pipeline as unknown as (
  name: string,
  stages: readonly AnyAgent[],
  options?: object,
) => AnyAgent
export const stage = troupe.stage as unknown as (of: AnyAgent, options: object) => AnyAgent

/** A team, made when it is asked for: some cannot be. */
export type Made = () => AnyAgent

/** An agent with a function, which is never called. */
export const worker = (name: string, options: object = {}): AnyAgent =>
  agent(name, { run: () => undefined, ...options })

/** An agent that gives this. */
export const giving = (name: string, output: Schema, options: object = {}): AnyAgent =>
  worker(name, { output, ...options })

/** An agent that takes this. */
export const taking = (name: string, input: Schema, options: object = {}): AnyAgent =>
  worker(name, { input, ...options })

/** An agent with a model. */
export const thinker = (name: string, options: object = {}): AnyAgent =>
  agent(name, { model: scripted([]), ...options })

/** A tool that declares its effect, unless told otherwise. */
export const tool = (name: string, options: object = { effect: 'idempotent' }): AnyTool =>
  troupe.tool(name, { input: z.object({}), run: () => 'done', ...options })

/** As many tools. */
export const tools = (count: number): readonly AnyTool[] =>
  Array.from({ length: count }, (_, at) => tool(`tool-${at + 1}`))

/** Workers by their names. */
export const named = (...names: string[]): Record<string, AnyAgent> =>
  Object.fromEntries(names.map((name) => [name, worker(name)]))

export const join = (): string => ''
