/** `debate`: peers answer, read each other and revise; agreement or a judge ends it. */
import { debateMachine, type DebateEffect, type DebateInput } from '../machines/debate.ts'
import type { Interpreter } from '../src/contracts/behavior.ts'
import type { Agent, AnyAgent, Common } from '../src/contracts/agents.ts'
import { ConfigurationError, type Outcome } from '../src/contracts/errors.ts'
import type { TaskScope, Work } from '../src/contracts/task-scope.ts'
import { defineAgent, ofPatterns } from './definition.ts'
import { partOf, partsOf, type Branches } from './pattern.ts'

/**
 * Peers answer, read each other and revise, until they agree or the rounds are over and the judge speaks. A
 * peer that fails keeps its last position and is asked again in the next round. A round in which all fail,
 * while there is no position yet, ends the debate as the first of them did.
 * @throws ConfigurationError with fewer than two peers, no judge, or `rounds` that is no whole number from 1
 */
export function debate<I, P, O>(
  name: string,
  options: {
    peers: Readonly<Record<string, Agent<Round<I, P>, P>>>
    judge: Agent<Round<NoInfer<I>, NoInfer<P>>, O>
    /** Default 3. */
    rounds?: number | undefined
    /**
     * Gives what the positions agree on; `undefined`: they do not yet. Asked after each round, in the order
     * of the peers, once every peer has a position.
     */
    agreed?: ((positions: readonly NoInfer<P>[]) => NoInfer<O> | undefined) | undefined
  } & Common<I, O>,
): Agent<I, O>
export function debate(name: string, given: object): AnyAgent {
  const options = given as Given
  const { peers, judge, rounds = 3 } = options
  const keys = Object.keys(peers)
  if (keys.length < 2) throw new ConfigurationError(`"${name}" needs at least two peers`)
  if (!judge) throw new ConfigurationError(`"${name}" needs a judge`)
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new ConfigurationError(`"${name}": \`rounds\` is a whole number from 1, not ${String(rounds)}`)
  }
  return defineAgent<never, unknown>(
    name,
    options,
    {
      work: (input, task) => new DebateWork(task, input, options, { peers: keys, rounds }),
      shape: { kind: 'debate', rounds },
      parts: [...partsOf('peer', peers), ...partOf('judge', judge)],
      takes: 'anything',
    },
    ofPatterns,
  )
}

/** What a peer in a debate sees, and the judge. */
export interface Round<I, P> {
  readonly input: I
  /** From 1. */
  readonly round: number
  /** The others' last ones; none in round 1. The judge sees those of all peers that have one. */
  readonly positions: Readonly<Record<string, P>>
}

type Given = {
  peers: Branches
  judge?: AnyAgent
  rounds?: number
  agreed?: (positions: readonly unknown[]) => unknown
} & Common<never, unknown>

type Positions = Readonly<Record<string, unknown>>

class DebateWork implements Work {
  readonly #task: TaskScope
  readonly #input: unknown
  readonly #options: Given
  readonly #rounds: number
  readonly #flow: Interpreter<typeof debateMachine>
  /** The peer that each request is for. */
  readonly #asked = new Map<string, string>()

  constructor(task: TaskScope, input: unknown, options: Given, bounds: DebateInput) {
    this.#task = task
    this.#input = input
    this.#options = options
    this.#rounds = bounds.rounds
    this.#flow = task.cell.interpret(debateMachine, this, task)
    this.#flow.start(bounds)
  }

  responded(id: string, outcome: Outcome): void {
    const peer = this.#asked.get(id)
    if (peer === undefined) return this.#flow.send({ type: 'judge.answered', outcome })
    this.#asked.delete(id)
    this.#flow.send({ type: 'peer.settled', peer, outcome })
  }

  perform(effect: DebateEffect): void {
    switch (effect.type) {
      case 'peers.ask':
        return this.#askPeers(effect.round, effect.positions)
      case 'positions.compare':
        return this.#compare(effect.round, effect.positions)
      case 'round.over':
        return this.#record('revision', 'peers', {
          instead: 'judge',
          reason: this.#howOver(effect.round, effect.silent),
        })
      case 'judge.ask':
        return this.#askJudge(effect.round, effect.positions, effect.silent)
      case 'work.done':
        return this.#task.done(effect.outcome)
    }
  }

  #askPeers(round: number, positions: Positions): void {
    for (const [peer, agent] of Object.entries(this.#options.peers)) {
      const others = Object.fromEntries(Object.entries(positions).filter(([other]) => other !== peer))
      this.#asked.set(this.#task.delegate(agent, this.#seen(round, others)), peer)
    }
  }

  #compare(round: number, positions: readonly unknown[]): void {
    const output = this.#options.agreed?.(positions)
    if (output === undefined) return this.#flow.send({ type: 'positions.differ' })
    const reason = `the positions agree in round ${String(round)} of ${String(this.#rounds)}`
    this.#record('vote', 'agreed', { instead: 'judge', reason })
    this.#flow.send({ type: 'positions.agreed', output })
  }

  #askJudge(round: number, positions: Positions, silent: readonly string[]): void {
    const { judge } = this.#options
    if (!judge) return
    this.#record('vote', 'judge', { instead: 'agreed', reason: this.#howOver(round, silent) })
    this.#task.delegate(judge, this.#seen(round, positions))
  }

  #howOver(round: number, silent: readonly string[]): string {
    const agreement = this.#options.agreed ? ' without agreement' : ''
    const failed = silent.length > 0 ? `; ${silent.join(', ')} did not answer` : ''
    return `round ${String(round)} of ${String(this.#rounds)} is over${agreement}${failed}`
  }

  #record(
    kind: 'vote' | 'revision',
    chosen: string,
    { instead, reason }: { readonly instead: string; readonly reason: string },
  ): void {
    this.#task.record({ type: 'decision.made', kind, chosen, alternatives: [instead], reason })
  }

  #seen(round: number, positions: Positions): Round<unknown, unknown> {
    return { input: this.#input, round, positions }
  }
}
