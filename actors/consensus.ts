/** `consensus`: votes from several perspectives, and somebody else for a split. */
import {
  consensusMachine,
  type ConsensusEffect,
  type ConsensusInput,
  type ConsensusVotes,
} from '../machines/consensus.ts'
import type { Interpreter } from '../src/contracts/behavior.ts'
import type { Agent, AnyAgent, Common } from '../src/contracts/agents.ts'
import {
  ConfigurationError,
  errorOf,
  InvalidMessageError,
  outcomeOf,
  type Outcome,
} from '../src/contracts/errors.ts'
import type { TaskScope, Work } from '../src/contracts/task-scope.ts'
import { defineAgent, ofPatterns } from './definition.ts'
import type { Quorum } from './parallel.ts'
import { partOf, partsOf, type Branches } from './pattern.ts'

/**
 * Votes from several perspectives. The vote with the most voices wins, if they are as many as the rule
 * demands: all, more than half, or so many of the voters; of two with the same number neither does. Votes are
 * compared as JSON. A voter that failed abstains, and so forbids unanimity.
 * @throws ConfigurationError without voters or `otherwise`, or when the rule asks for more than there are
 */
export function consensus<I, V, E>(
  name: string,
  options: {
    voters: Readonly<Record<string, Agent<I, Vote<V>>>>
    /** Default `unanimous`. */
    rule?: 'unanimous' | 'majority' | Quorum | undefined
    /** Breaks a split: it is given every vote with its reason. */
    otherwise: Agent<Split<NoInfer<I>, NoInfer<V>>, E>
  } & Common<I, V | E>,
): Agent<I, V | E>
export function consensus(name: string, given: object): AnyAgent {
  const options = given as Given
  const { voters, rule = 'unanimous', otherwise } = options
  const keys = Object.keys(voters)
  const needed = neededBy(rule, keys.length)
  if (keys.length === 0) throw new ConfigurationError(`"${name}" needs at least one voter`)
  if (!Number.isInteger(needed) || needed < 1 || needed > keys.length) {
    const [has, range] =
      keys.length === 1 ? ['1 voter', '1'] : [`${keys.length} voters`, `from 1 to ${keys.length}`]
    throw new ConfigurationError(
      `"${name}" has ${has}, and needs ${needed} to agree; the quorum may be ${range}`,
    )
  }
  if (!otherwise) throw new ConfigurationError(`"${name}" needs \`otherwise\`, for a split vote`)
  return defineAgent<never, unknown>(
    name,
    options,
    {
      work: (input, task) => new ConsensusWork(task, input, options, { voters: keys, needed }),
      shape: { kind: 'consensus', needed },
      parts: [...partsOf('voter', voters), ...partOf('otherwise', otherwise)],
      takes: Object.values(voters),
    },
    ofPatterns,
  )
}

/** What a voter gives. */
export interface Vote<V> {
  readonly vote: V
  readonly confidence?: number | undefined
  readonly reason?: string | undefined
}

/** A split vote. */
export interface Split<I, V> {
  readonly input: I
  readonly votes: Readonly<Record<string, Outcome<Vote<V>>>>
}

type Given = {
  voters: Branches
  rule?: 'unanimous' | 'majority' | Quorum
  otherwise?: AnyAgent
} & Common<never, unknown>

const neededBy = (rule: NonNullable<Given['rule']>, voters: number): number => {
  if (rule === 'unanimous') return voters
  return rule === 'majority' ? Math.floor(voters / 2) + 1 : rule.quorum
}

class ConsensusWork implements Work {
  readonly #task: TaskScope
  readonly #input: unknown
  readonly #options: Given
  readonly #flow: Interpreter<typeof consensusMachine>
  /** The voter that each request is for. */
  readonly #asked = new Map<string, string>()

  constructor(task: TaskScope, input: unknown, options: Given, terms: ConsensusInput) {
    this.#task = task
    this.#input = input
    this.#options = options
    this.#flow = task.cell.interpret(consensusMachine, this, task)
    this.#flow.start(terms)
  }

  responded(id: string, outcome: Outcome): void {
    const voter = this.#asked.get(id)
    if (voter === undefined) return this.#flow.send({ type: 'otherwise.answered', outcome })
    this.#asked.delete(id)
    this.#voted(voter, outcome)
  }

  perform(effect: ConsensusEffect): void {
    switch (effect.type) {
      case 'voters.ask':
        return this.#askVoters()
      case 'voters.withdraw':
        return this.#withdraw()
      case 'vote.won':
        return this.#win(effect)
      case 'otherwise.ask':
        return this.#askOther(effect)
      case 'work.done':
        return this.#task.done(effect.outcome)
    }
  }

  #askVoters(): void {
    const { parsed } = this.#task.meta
    for (const [voter, agent] of Object.entries(this.#options.voters)) {
      this.#asked.set(this.#task.delegate(agent, this.#input, { parsed }), voter)
    }
  }

  #voted(voter: string, outcome: Outcome): void {
    const ballot = outcome.status === 'completed' ? ballotOf(outcome.output) : undefined
    const isNone = ballot === undefined && outcome.status === 'completed'
    this.#flow.send({
      type: 'voter.settled',
      voter,
      outcome: isNone ? outcomeOf(noVote(this.#options.voters[voter]?.name ?? voter)) : outcome,
      ballot,
    })
  }

  #withdraw(): void {
    for (const id of this.#asked.keys()) this.#task.withdraw(id, 'the vote is decided')
    this.#asked.clear()
  }

  #win({ by, votes, ballots }: Extract<ConsensusEffect, { type: 'vote.won' }>): void {
    const [first = ''] = by
    const won = votes[first]
    const voters = Object.keys(this.#options.voters)
    const [chosen = '', ...others] = distinct([ballots[first] ?? '', ...Object.values(ballots)])
    this.#task.record({
      type: 'decision.made',
      kind: 'vote',
      chosen,
      alternatives: [...others, 'otherwise'],
      reason: `${String(by.length)} of ${String(voters.length)}: ${by.join(', ')}`,
    })
    const output = won?.status === 'completed' ? (won.output as Vote<unknown>).vote : undefined
    this.#task.done({ status: 'completed', output })
  }

  #askOther({ votes, ballots }: ConsensusVotes): void {
    const { otherwise } = this.#options
    if (!otherwise) return
    this.#task.record({
      type: 'decision.made',
      kind: 'vote',
      chosen: 'otherwise',
      alternatives: distinct(Object.values(ballots)),
      reason: Object.entries(votes)
        .map(([voter, outcome]) => `${voter}: ${described(outcome)}`)
        .join('; '),
    })
    this.#task.delegate(otherwise, { input: this.#input, votes })
  }
}

/** The same text for votes that are equal as JSON; `undefined`: it cannot be compared, and is none. */
const ballotOf = (output: unknown): string | undefined => {
  if (typeof output !== 'object' || output === null || !('vote' in output)) return undefined
  try {
    return JSON.stringify(output.vote, sortKeys)
  } catch {
    return undefined
  }
}

const sortKeys = (_: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value

const noVote = (agent: string): InvalidMessageError =>
  new InvalidMessageError(`"${agent}" gave no vote: expected an object with plain JSON as its \`vote\``, {
    code: 'INVALID_OUTPUT',
    faults: [{ path: 'vote', message: 'expected plain JSON' }],
    agent,
  })

/** As people read it: a text without its quotes, anything else as JSON. */
const shown = (ballot: string): string => (ballot.startsWith('"') ? String(JSON.parse(ballot)) : ballot)

const distinct = (ballots: readonly string[]): readonly string[] => [...new Set(ballots)].map(shown)

const described = (outcome: Outcome): string => {
  if (outcome.status !== 'completed') return `abstained (${errorOf(outcome).message})`
  const { reason } = outcome.output as Vote<unknown>
  const vote = shown(ballotOf(outcome.output) ?? '')
  return reason === undefined ? vote : `${vote} (${reason})`
}
