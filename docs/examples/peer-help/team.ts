/**
 * Peers on call. Whoever takes an incident assesses it: what it can mend, it mends; for the rest it asks for help by
 * capability, or delegates all of it. The expert for databases takes one incident at a time and declines what is more.
 */
import { agent, peers, type Agent, type Ctx, type Model } from 'troupe'
import { z } from 'zod'

/** What has broken, in the words of whoever noticed. */
export const Incident = z.object({ id: z.string(), text: z.string() })
/** What has broken. */
export type Incident = z.output<typeof Incident>

/** What was done about it, and by whom. */
export const Report = z.object({ mended: z.array(z.string()), by: z.array(z.string()) })
/** What was done about it. */
export type Report = z.output<typeof Report>

/** The signs by which a trouble is known. */
const SIGNS = { database: /deadlock|slow quer|replica/i, network: /dns|packet|unreachable/i } as const
type Trouble = keyof typeof SIGNS

const assess = ({ text }: Incident): Trouble[] =>
  (Object.keys(SIGNS) as Trouble[]).filter((trouble) => SIGNS[trouble].test(text))

const joined = (reports: readonly Report[]): Report => ({
  mended: reports.flatMap(({ mended }) => mended),
  by: [...new Set(reports.flatMap(({ by }) => by))],
})

/** Finds out what kinds of trouble an incident is. */
type Assess = (incident: Incident, ctx: Ctx) => Trouble[] | Promise<Trouble[]>

const onCall = (assessed: Assess): Agent<Incident, Report> =>
  agent('on-call', {
    description: 'Takes every incident, and mends what needs no expert',
    input: Incident,
    output: Report,
    run: async (incident, ctx) => {
      const { help } = ctx
      const [first, ...others] = await assessed(incident, ctx)
      if (!first) return { mended: ['restarted it'], by: ['on-call'] }
      // All of it is somebody else's: delegate entirely.
      if (others.length === 0) return help(first, incident, { output: Report })
      return joined(await Promise.all([first, ...others].map((it) => help(it, incident, { output: Report }))))
    },
  })

const MEND_MS = 20

/** Somebody who knows one kind of trouble. */
const expert = (name: string, trouble: Trouble): Agent<Incident, Report> =>
  agent(name, {
    capabilities: [trouble],
    concurrency: 1,
    input: Incident,
    output: Report,
    run: async (_, { sleep }) => {
      await sleep(MEND_MS)
      return { mended: [trouble], by: [name] }
    },
  })

/** Knows a bit of everything, and is asked when the experts have their hands full. */
const allRounder = agent('all-rounder', {
  capabilities: ['database', 'network'],
  bid: (_, { running }) => ({ cost: 100 + running }),
  input: Incident,
  output: Report,
  run: async (incident, { sleep }) => {
    await sleep(3 * MEND_MS)
    return { mended: assess(incident), by: ['all-rounder'] }
  },
})

const team = (assessed: Assess) =>
  peers('on-call-team', {
    lead: onCall(assessed),
    members: [expert('dba', 'database'), expert('net', 'network'), allRounder],
  })

export default team(assess)

/** The same, where a model assesses incidents. Who helps whom is agreed among the peers, as ever. */
export const withModel = (model: Model) => {
  const reader = agent('reader', {
    model,
    instructions: 'Say what kinds of trouble this incident is, each once; none if it needs no expert.',
    input: Incident,
    output: z.array(z.enum(['database', 'network'])).max(2),
    prompt: ({ text }) => text,
  })
  return team((incident, { ask }) => ask(reader, incident))
}

/** Sure that it is always something else. */
const sure = (name: string, trouble: Trouble, sendsOnTo: Trouble): Agent<Incident, Report> =>
  agent(name, {
    capabilities: [trouble],
    input: Incident,
    output: Report,
    run: (incident, { help }) => help(sendsOnTo, incident, { output: Report }),
  })

/** What `--faults` runs: two experts send every incident on to each other, until hops end. */
export const faults = peers('blaming-team', {
  lead: onCall(assess),
  members: [sure('dba', 'database', 'network'), sure('net', 'network', 'database')],
})
