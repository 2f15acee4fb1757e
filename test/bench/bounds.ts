/** The bounds of speed, over the figures that the harness writes. */

/** One round of one peer on one workload, as the harness writes it. */
export interface Result {
  readonly round: number
  readonly workload: string
  readonly peer: string
  readonly error?: string
  readonly c1?: { readonly perCpuSecond: number }
  readonly c100?: { readonly perCpuSecond: number }
  readonly wallMs?: number
  readonly variants?: Readonly<Record<string, Actors>>
}

interface Actors {
  readonly idleBytes: number
  readonly tellOne: number
  readonly tellMany: number
  readonly ask: number
  readonly spawnStop: number
}

/** Whether one bound is kept. */
export interface Verdict {
  readonly what: string
  readonly figure: string
  readonly bound: string
  readonly met: boolean
}

type Read = (result: Result) => number | undefined

const FRAMEWORKS = ['agent-kit', 'ai-sdk', 'openai-agents', 'mastra-fn', 'langgraph']

/** Those whose agents ask a model. */
const MODEL_FRAMEWORKS = ['agent-kit', 'ai-sdk', 'openai-agents']

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

/** Everything that the figures at hand can tell. */
export const bounds = (results: readonly Result[]): Verdict[] => {
  const rounds = [...new Set(results.map(({ round }) => round))]
  const figure = (round: number, workload: string, peer: string, read: Read): number | undefined => {
    const found = results.find((each) => each.round === round && each.workload === workload && each.peer === peer)
    return found && !found.error ? read(found) : undefined
  }
  const ratioOf = (us: string) => (workload: string, read: Read, peer: string, theirs: Read = read): number =>
    median(
      rounds.flatMap((round) => {
        const ours = figure(round, workload, us, read)
        const other = figure(round, workload, peer, theirs)
        return ours && other ? [ours / other] : []
      }),
    )
  const ratio = ratioOf('troupe')
  const ratioWithModels = ratioOf('troupe-model')
  const atLeast = (what: string, value: number, bound: number): Verdict[] =>
    Number.isNaN(value) ? [] : [{ what, figure: value.toFixed(3), bound: `>= ${bound.toFixed(3)}`, met: value >= bound }]

  const orchestrations = ['w1', 'w2', 'w3'].flatMap((workload) =>
    (['c1', 'c100'] as const).flatMap((level) => {
      const read: Read = (result) => result[level]?.perCpuSecond
      const best = Math.min(...FRAMEWORKS.map((peer) => ratio(workload, read, peer)).filter((each) => !Number.isNaN(each)))
      const what = `${workload} at ${level === 'c1' ? 'concurrency 1' : 'concurrency 100'}`
      return [
        ...atLeast(`${what}, times the fastest agent framework`, Number.isFinite(best) ? best : Number.NaN, workload === 'w2' ? 2 : 3),
        ...atLeast(`${what}, of bare functions`, ratio(workload, read, 'bare'), 1 / 50),
      ]
    }),
  )

  // Theirs have a model in these workloads. Half of what the leanest costs is twice its rate.
  const withModels = ['w1', 'w4'].flatMap((workload) =>
    (['c1', 'c100'] as const).flatMap((level) => {
      const read: Read = (result) => result[level]?.perCpuSecond
      const ratios = MODEL_FRAMEWORKS.map((peer) => ratioWithModels(workload, read, peer))
      const least = Math.min(...ratios.filter((each) => !Number.isNaN(each)))
      const what = `${workload} with models at concurrency ${level.slice(1)}, times the leanest agent framework`
      return atLeast(what, Number.isFinite(least) ? least : Number.NaN, 2)
    }),
  )

  const of =
    (variant: string, what: keyof Actors): Read =>
    ({ variants }) =>
      variants?.[variant]?.[what]
  const bytes = (variant: string, most: number): Verdict[] => {
    const value = median(rounds.flatMap((round) => figure(round, 'w6', 'troupe', of(variant, 'idleBytes')) ?? []))
    const verdict = { what: `bytes of an idle ${variant}`, figure: value.toFixed(0), bound: `<= ${most}`, met: value <= most }
    return Number.isNaN(value) ? [] : [verdict]
  }
  const actors = [
    ...atLeast('tell to one behaviour, times nact', ratio('w6', of('behavior', 'tellOne'), 'nact', of('default', 'tellOne')), 5),
    ...atLeast('tell to one behaviour, of raw fromTransition', ratio('w6', of('behavior', 'tellOne'), 'xstate', of('transition', 'tellOne')), 1 / 3),
    ...atLeast('tell to 1,000 behaviours, times nact', ratio('w6', of('behavior', 'tellMany'), 'nact', of('default', 'tellMany')), 3),
    ...atLeast('tell to one machine, of the raw machine', ratio('w6', of('machine', 'tellOne'), 'xstate'), 0.6),
    ...atLeast('tell to 1,000 machines, of raw machines', ratio('w6', of('machine', 'tellMany'), 'xstate'), 0.6),
    ...atLeast('ask a behaviour, times nact', ratio('w6', of('behavior', 'ask'), 'nact', of('default', 'ask')), 1),
    ...atLeast('spawn and stop fromTransition, times raw', ratio('w6', of('transition', 'spawnStop'), 'xstate'), 1),
    ...atLeast('spawn and stop a machine, times raw', ratio('w6', of('machine', 'spawnStop'), 'xstate'), 1),
    ...bytes('behavior', 2_560),
    ...bytes('transition', 2_560),
    ...bytes('machine', 5_120),
    ...bytes('agent', 6_144),
  ]

  const wall: Read = ({ wallMs }) => wallMs && 1 / wallMs
  return [...orchestrations, ...withModels, ...actors, ...atLeast('w7, 1,000 runs of 50 ms agents, of bare functions', ratio('w7', wall, 'bare'), 0.92)]
}
