/**
 * A sales pipeline: a lead is scored from 0 to 10, hot from 7, warm from 4. Hot ones get a mail, and nobody
 * else; then each gets its follow-up action. What each stage has made of a lead can be read at any time,
 * while it runs and afterwards.
 */
import { agent, orchestrator, pipeline, ProviderError, router, tool } from 'troupe'
import type { Agent, Ctx, Model, System } from 'troupe'
import { z } from 'zod'

/** Somebody who may buy. */
export const Lead = z.object({
  id: z.string(),
  company: z.string(),
  role: z.string(),
  /** In EUR a year; `null`: not known. */
  budget: z.number().nullable(),
  text: z.string(),
})
/** Somebody who may buy. */
export type Lead = z.output<typeof Lead>

const Score = z.object({ score: z.int().min(0).max(10), reasons: z.array(z.string()) })
const Qualified = Lead.extend({ ...Score.shape, heat: z.enum(['hot', 'warm', 'cold']) })
type Qualified = z.output<typeof Qualified>
/** `mail`: what was sent; none unless it is hot. */
const Reached = Qualified.extend({ mail: z.string().optional() })
const FollowUp = z.object({ action: z.enum(['call', 'invite', 'look again']), inDays: z.int().min(1) })

const heatOf = (score: number): Qualified['heat'] => (score >= 7 ? 'hot' : score >= 4 ? 'warm' : 'cold')

/** The work that takes judgement. */
type Team = {
  scorer: Agent<Lead, z.output<typeof Score>>
  writer: Agent<Qualified, string>
  planner: Agent<z.input<typeof Reached>, z.output<typeof FollowUp>>
}
/** Sends a mail, once for each key. May take its time, and throw. */
type Send = (mail: { company: string; text: string; key: string }, ctx: Ctx) => void | Promise<void>

const pipelineOf = ({ scorer, writer, planner }: Team, send: Send = () => {}) => {
  const qualify = orchestrator('qualify', {
    input: Lead,
    output: Qualified,
    delegates: { scorer },
    run: async (lead, { delegate }) => {
      const { score, reasons } = await delegate.scorer(lead)
      return { ...lead, score, reasons, heat: heatOf(score) }
    },
  })
  const outreach = orchestrator('outreach', {
    input: Qualified,
    output: Reached,
    delegates: { writer },
    timeoutMs: 5_000,
    retry: { attempts: 2, minMs: 1_000, jitter: false },
    run: async (lead, ctx) => {
      const mail = await ctx.step('write', () => ctx.delegate.writer(lead))
      await send({ company: lead.company, text: mail, key: ctx.key }, ctx)
      return { ...lead, mail }
    },
  })
  const leaveAlone = agent('leave-alone', { input: Qualified, output: Reached, run: (lead) => lead })
  const heat = agent('heat', {
    input: Qualified,
    run: (lead) => ({ to: lead.heat, reason: `scored ${lead.score}` }),
  })
  const reach = router('reach', {
    by: heat,
    to: { hot: outreach, warm: leaveAlone, cold: leaveAlone },
  })
  const followUp = orchestrator('follow-up', {
    input: Reached,
    delegates: { planner },
    run: async (lead, { delegate }) => {
      const { action, inDays } = await delegate.planner(lead)
      const { id, score, heat, mail } = lead
      return { id, score, heat, wrote: mail !== undefined, action, inDays }
    },
  })
  return pipeline('sales', [qualify, reach, followUp])
}

const STAGES = ['qualify', 'reach', 'follow-up']

/** What each stage of a run has made of its lead so far, and when, as the system has kept it. */
export const audit = async (system: System, runId: string) => {
  const run = await system.runs.show(runId)
  return (run?.events ?? []).flatMap((event) =>
    event.type === 'task.ended' && STAGES.includes(event.agent)
      ? [{ stage: event.agent, at: event.at, outcome: event.outcome }]
      : [],
  )
}

const SIGNS: readonly { points: number; reason: string; shows: (lead: Lead) => boolean }[] = [
  { points: 4, reason: 'has a budget', shows: ({ budget }) => (budget ?? 0) >= 10_000 },
  { points: 3, reason: 'decides', shows: ({ role }) => /chief|head|owner/i.test(role) },
  { points: 3, reason: 'asks for an offer', shows: ({ text }) => /offer|price|demo/i.test(text) },
]

const byRules: Team = {
  scorer: agent('scorer', {
    input: Lead,
    output: Score,
    run: (lead) => {
      const shown = SIGNS.filter(({ shows }) => shows(lead))
      return {
        score: shown.reduce((sum, { points }) => sum + points, 0),
        reasons: shown.map(({ reason }) => reason),
      }
    },
  }),
  writer: agent('writer', {
    input: Qualified,
    run: ({ company }) => `An offer for ${company}: shall we call?`,
  }),
  planner: agent('planner', {
    input: Reached,
    output: FollowUp,
    run: ({ heat }) =>
      ({
        hot: { action: 'call' as const, inDays: 2 },
        warm: { action: 'invite' as const, inDays: 14 },
        cold: { action: 'look again' as const, inDays: 180 },
      })[heat],
  }),
}

/** The team, with another way to send where wanted. */
export const sales = (send?: Send) => pipelineOf(byRules, send)

export default sales()

/** What `--faults` runs: no mail gets out. */
export const faults = sales(() => {
  throw new ProviderError('the mail server is down', { code: 'UNAVAILABLE', retryable: true })
})

/** The same with models. What is hot, and who is written to, stays with the code. */
export const withModel = (model: Model, send?: Send) => {
  const orders = tool('earlier_orders', {
    description: 'What a company has ordered before',
    input: z.object({ company: z.string() }),
    effect: 'idempotent',
    run: ({ company }) => (company.length % 2 === 0 ? [`a trial for ${company}`] : []),
  })
  return pipelineOf(
    {
      scorer: agent('scorer', {
        input: Lead,
        output: Score,
        model,
        instructions: 'Score the lead from 0 to 10, by budget, role, wishes and earlier orders. Say why.',
        tools: [orders],
      }),
      writer: agent('writer', {
        input: Qualified,
        model,
        instructions: 'Write a mail of two sentences to this lead, who is ready to buy. Promise nothing.',
      }),
      planner: agent('planner', {
        input: Reached,
        output: FollowUp,
        model,
        instructions: 'Which action follows, and in how many days? Whoever got a mail is called.',
      }),
    },
    send,
  )
}
