/**
 * How often the models of a team can be called in one run, at worst: every call fails as often as it may before it
 * is answered, every turn is used, every gate sends work back, every fallback is needed. What functions and machines
 * call by themselves is not known.
 */
import type { AnyAgent } from '../../contracts/agents.ts'
import type { AgentDefinition } from '../../contracts/agent-definition.ts'
import { DEFAULT_HOPS } from '../../contracts/hops.ts'
import type { Member } from '../../contracts/team-graph.ts'
import { counted } from '../screen.ts'
import { definitionOf, inRole } from './finding.ts'

/** The worst case of a run. */
export interface ModelCalls {
  /** `Infinity`: no limit. */
  readonly most: number
  /** How it comes about: of each agent that leads to calls, the root first. */
  readonly how: readonly AgentCalls[]
  /** Agents whose work is a function or a machine, by name. */
  readonly notCounted: readonly string[]
}

/** What one task of an agent leads to. */
export interface AgentCalls {
  readonly agent: string
  readonly most: number
  readonly how: string
}

/** @param members the root first */
export const modelCallsOf = (members: readonly Member[]): ModelCalls => {
  const tally = new Tally(members)
  const [root] = members
  return {
    most: root ? tally.of(root.definition) : 0,
    how: members.flatMap(({ id, definition }) => {
      const most = tally.of(definition)
      return most > 0 ? [{ agent: id, most, how: tally.how(definition) }] : []
    }),
    notCounted: members.flatMap(({ id, definition: { shape, turns } }) =>
      turns === undefined && OPAQUE.has(shape.kind) ? [id] : [],
    ),
  }
}

const OPAQUE: ReadonlySet<string> = new Set(['function', 'machine', 'orchestrator'])

/** A number of calls, and where it comes from. */
type Sum = Readonly<{ most: number; how: string }>

const NONE: Sum = { most: 0, how: '' }

class Tally {
  readonly #ids: ReadonlyMap<AgentDefinition, string>
  readonly #known = new Map<AgentDefinition, Sum>()

  constructor(members: readonly Member[]) {
    this.#ids = new Map(members.map(({ id, definition }) => [definition, id]))
  }

  of(defined: AgentDefinition): number {
    return this.#sumOf(defined).most
  }

  how(defined: AgentDefinition): string {
    return this.#sumOf(defined).how
  }

  #sumOf(defined: AgentDefinition): Sum {
    const known = this.#known.get(defined)
    if (known) return known
    const made = this.#make(defined)
    this.#known.set(defined, made)
    return made
  }

  #make(defined: AgentDefinition): Sum {
    const { turns, retry, fallback } = defined
    // The attempts of a model share its turns and tries.
    const work = turns ? this.#turns(defined, turns) : times(retry.attempts, 'attempts', this.#work(defined))
    return fallback ? plus(work, this.#named(fallback, 'its fallback ')) : work
  }

  #turns(defined: AgentDefinition, turns: NonNullable<AgentDefinition['turns']>): Sum {
    const { retry, timeoutMs, parts } = defined
    const { maxTurns, repairs, session } = turns
    const called = parts.find(({ role, agent }) => role !== 'fallback' && this.of(definitionOf(agent)) > 0)
    // The results of the last turn's calls could not be told to the model any more: it makes none.
    if (called && maxTurns > 1) {
      return unbounded(`its model may call "${this.#id(called.agent)}" any number of times in a turn`)
    }
    // Without tools each turn after the first of an attempt mends the one before.
    const hasTools = turns.tools.length + turns.sources.length > 0
    const most = hasTools ? maxTurns : Math.min(maxTurns, retry.attempts * (1 + repairs))
    const own = { most: most * retry.attempts, how: product(most, retry.attempts) }
    // A call that its time limit cuts off is not one of the tries.
    const cut = timeoutMs === Infinity ? 0 : retry.attempts - 1
    const summaries = session && session.trim === 'summary' ? retry.attempts : 0
    return [
      own,
      { most: cut, how: `${counted(cut)} cut off by its time limit` },
      { most: summaries, how: `${amount(summaries, 'summary', 'summaries')} of its session` },
    ].reduce(plus)
  }

  #work(defined: AgentDefinition): Sum {
    const { shape } = defined
    switch (shape.kind) {
      case 'router': {
        const dearest = this.#dearest([...this.#in(defined, 'target'), ...this.#in(defined, 'otherwise')])
        if (shape.dynamic) return times(DEFAULT_HOPS, 'hops of the run', dearest)
        return [...this.#all(defined, 'by'), dearest].reduce(plus, NONE)
      }
      case 'pipeline':
        return this.#stages(defined, shape.revisions)
      case 'parallel':
        return this.#all(defined, 'branch').reduce(plus, NONE)
      case 'arbiter': {
        const branches = this.#all(defined, 'branch').reduce(plus, NONE)
        // Who loses a clash is undone, and runs once more.
        if (shape.rule === 'roll-back') return times(2, 'times', branches)
        return this.#clashes(defined).reduce(plus, branches)
      }
      case 'consensus':
        return [...this.#all(defined, 'voter'), ...this.#all(defined, 'otherwise')].reduce(plus, NONE)
      case 'debate': {
        const round = this.#all(defined, 'peer').reduce(plus, NONE)
        return this.#all(defined, 'judge').reduce(plus, times(shape.rounds, 'rounds', round))
      }
      case 'plan':
        return this.#subtasks(defined, shape.rounds)
      case 'auction':
        return times(shape.rounds, 'rounds', this.#all(defined, 'bidder').reduce(plus, NONE))
      case 'human':
        return this.#all(defined, 'otherwise').reduce(plus, NONE)
      case 'peers':
        return (
          this.#endless(defined, 'member', 'be asked for help') ??
          this.#all(defined, 'lead').reduce(plus, NONE)
        )
      case 'orchestrator':
        return this.#endless(defined, 'delegate', 'be given work by its function') ?? NONE
      default:
        return NONE
    }
  }

  #stages(defined: AgentDefinition, revisions: readonly { from: number; to: number; max: number }[]): Sum {
    const stages = defined.parts.flatMap(({ key, agent }) => {
      if (key === undefined) return []
      const place = Number(key)
      // It works once, and again each time a gate at or behind it sends work back to it or before it.
      const again = revisions.filter(({ from, to }) => to <= place && place <= from)
      const rounds = again.reduce((sum, { max }) => sum + max, 1)
      return [times(rounds, 'rounds', this.#named(agent))]
    })
    return stages.reduce(plus, NONE)
  }

  #clashes(defined: AgentDefinition): readonly Sum[] {
    return this.#in(defined, 'resolve').map((judge) =>
      this.of(definitionOf(judge)) === 0
        ? NONE
        : unbounded(`"${this.#id(judge)}" is asked about every clash, of which there may be any number`),
    )
  }

  #subtasks(defined: AgentDefinition, rounds: number): Sum {
    const endless = this.#endless(defined, 'worker', 'be given any number of subtasks by a plan', '')
    return endless ?? times(rounds, 'rounds', this.#all(defined, 'planner').reduce(plus, NONE))
  }

  /** When any of them makes calls. */
  #endless(
    defined: AgentDefinition,
    role: Parameters<typeof inRole>[1],
    what: string,
    howOften = ' any number of times',
  ): Sum | undefined {
    const agents = defined.parts.filter((part) => part.role === role).map(({ agent }) => agent)
    const found = agents.find((agent) => this.of(definitionOf(agent)) > 0)
    return found && unbounded(`"${this.#id(found)}" may ${what}${howOften}`)
  }

  #in(defined: AgentDefinition, role: Parameters<typeof inRole>[1]): readonly AnyAgent[] {
    return [...inRole(defined, role).values()]
  }

  #all(defined: AgentDefinition, role: Parameters<typeof inRole>[1]): readonly Sum[] {
    return this.#in(defined, role).map((agent) => this.#named(agent))
  }

  #dearest(agents: readonly AnyAgent[]): Sum {
    const [first] = agents.toSorted((a, b) => compared(this.of(definitionOf(b)), this.of(definitionOf(a))))
    return first ? this.#named(first, agents.length > 1 ? 'the dearest way, ' : '') : NONE
  }

  #named(agent: AnyAgent, what = ''): Sum {
    const most = this.of(definitionOf(agent))
    return { most, how: `${what}${this.#id(agent)} ${inFigures(most)}` }
  }

  #id(agent: AnyAgent): string {
    return this.#ids.get(definitionOf(agent)) ?? agent.name
  }
}

/** As people read it. */
export const inFigures = (most: number): string => (most === Infinity ? 'unbounded' : counted(most))

const compared = (a: number, b: number): number => (a === b ? 0 : a - b)

const amount = (count: number, one: string, many: string): string =>
  `${inFigures(count)} ${count === 1 ? one : many}`

const product = (turns: number, tries: number): string => {
  const inTurns = amount(turns, 'turn', 'turns')
  return tries === 1 ? inTurns : `${inTurns} x ${inFigures(tries)} tries`
}

const plus = (a: Sum, b: Sum): Sum => {
  if (b.most === 0) return a
  return a.most === 0 ? b : { most: a.most + b.most, how: `${a.how} + ${b.how}` }
}

const times = (count: number, what: string, sum: Sum): Sum => {
  if (count === 1 || sum.most === 0 || count === 0) return count === 0 ? NONE : sum
  const inner = sum.how.includes(' + ') ? `(${sum.how})` : sum.how
  return { most: count * sum.most, how: `${inFigures(count)} ${what} x ${inner}` }
}

const unbounded = (how: string): Sum => ({ most: Infinity, how })
