/**
 * `ctx.help`: who is asked is decided by `machines/peers.ts`; here it learns what peers bid, and what became of the task.
 */
import { peersMachine, type Declined, type PeersEffect, type PeersEvent } from '../machines/peers.ts'
import type { Interpreter } from '../src/contracts/behavior.ts'
import type { AnyAgent, Bid } from '../src/contracts/agents.ts'
import {
  abortedBy,
  CircuitOpenError,
  DeliveryError,
  errorOf,
  InvalidMessageError,
  outcomeOf,
  toTroupeError,
  type Fault,
  type Outcome,
  type TroupeError,
} from '../src/contracts/errors.ts'
import { describeFaults, parseWith } from '../src/contracts/protocol.ts'
import type { Schema } from '../src/contracts/schemas.ts'
import type { AgentDefinition } from '../src/contracts/agent-definition.ts'
import type { TaskScope } from '../src/contracts/task-scope.ts'
import { definitionOf } from './definition.ts'

/** How long peers may think about a bid, in milliseconds. */
const BIDS_MS = 1_000

/** What is asked for. */
export interface HelpRequest {
  readonly capability: string
  readonly input: unknown
  /** Of the answer. */
  readonly output: Schema | undefined
  readonly signal: AbortSignal | undefined
}

/** Who asks: an attempt at a task. */
export interface Caller {
  readonly task: TaskScope
  /** Hands the task to a peer; rejects as `run` does. */
  ask(peer: AnyAgent): Promise<unknown>
  /** Rejects when the attempt is over. */
  sleep(ms: number): Promise<void>
}

/**
 * Asks the peer with the capability that bids best.
 * @throws DeliveryError rejects with `NO_PEER`
 * @throws InvalidMessageError rejects with `INVALID_OUTPUT` when the answer does not fit `output`
 */
export const callForHelp = (caller: Caller, request: HelpRequest): Promise<unknown> =>
  new Promise((resolve, reject) => {
    new Call(caller, request, { resolve, reject }).begin()
  })

interface Promised {
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: TroupeError) => void
}

interface Peer {
  readonly agent: AnyAgent
  readonly defined: AgentDefinition
}

class Call {
  readonly #caller: Caller
  readonly #request: HelpRequest
  readonly #promised: Promised
  readonly #flow: Interpreter<typeof peersMachine>
  /** All that may be asked, whatever they can do. */
  readonly #known: readonly AnyAgent[]
  readonly #peers: readonly Peer[]
  readonly #abort = (): void => {
    if (this.#request.signal) this.#fail(abortedBy(this.#request.signal))
  }
  #over = false

  constructor(caller: Caller, request: HelpRequest, promised: Promised) {
    const { cell, definition } = caller.task
    this.#caller = caller
    this.#request = request
    this.#promised = promised
    this.#flow = cell.aside(peersMachine, this)
    this.#known = cell.awaiting().findLast(({ team }) => team)?.team ?? cell.agents()
    this.#peers = this.#known
      .map((agent) => ({ agent, defined: definitionOf(agent) }))
      .filter(({ defined }) => defined !== definition && defined.capabilities.includes(request.capability))
  }

  begin(): void {
    const waiting = new Set(this.#caller.task.cell.awaiting())
    this.#request.signal?.addEventListener('abort', this.#abort, { once: true })
    const peers = this.#peers.map(({ defined }) => ({ name: defined.name, waits: waiting.has(defined) }))
    this.#flow.start({ peers })
  }

  perform(effect: PeersEffect): void {
    switch (effect.type) {
      case 'bids.call':
        return this.#callForBids()
      case 'peer.ask':
        return this.#ask(effect)
      case 'peer.missing':
        return this.#fail(this.#nobody(effect.declined))
      case 'work.done':
        return this.#settle(effect.outcome)
    }
  }

  #callForBids(): void {
    const later = this.#peers.map((peer, place) => this.#bidOf(peer, place)).filter(Boolean)
    if (later.length === 0) return
    this.#caller.sleep(BIDS_MS).then(
      () => this.#send({ type: 'bids.closed' }),
      (thrown: unknown) => this.#fail(toTroupeError(thrown)),
    )
  }

  /** Whether its bid comes later. */
  #bidOf({ agent, defined }: Peer, place: number): boolean {
    const load = this.#caller.task.cell.load(agent)
    const inHand = load.running + load.queued
    if (inHand >= defined.concurrency) {
      this.#decline(place, `at capacity, ${String(inHand)} of ${String(defined.concurrency)} tasks`)
      return false
    }
    const threw = (thrown: unknown): void => {
      this.#caller.task.cell.log.error({ err: thrown, agent: defined.name }, '`bid` threw')
      this.#decline(place, `its \`bid\` threw: ${toTroupeError(thrown).message}`)
    }
    try {
      const bid = defined.bid ? defined.bid(this.#request.input as never, load) : { cost: inHand }
      if (!(bid instanceof Promise)) {
        this.#take(place, bid)
        return false
      }
      bid.then((settled) => this.#take(place, settled), threw)
      return true
    } catch (thrown) {
      threw(thrown)
      return false
    }
  }

  #take(peer: number, bid: Bid | undefined): void {
    const { capability: wanted } = this.#request
    if (bid === undefined) return this.#decline(peer, 'declined')
    const { cost, capability = wanted } = bid
    if (capability !== wanted) return this.#decline(peer, `bids for "${capability}" only`)
    if (!Number.isFinite(cost)) return this.#decline(peer, 'its bid has no cost')
    this.#send({ type: 'bid.received', peer, cost })
  }

  #decline(peer: number, reason: string): void {
    this.#send({ type: 'bid.declined', peer, reason })
  }

  #ask({ peer: place, cost, others, declined }: Extract<PeersEffect, { type: 'peer.ask' }>): void {
    const peer = this.#peers[place]
    if (!peer) return
    const { agent, defined } = peer
    const offer = `"${this.#request.capability}" at cost ${String(cost)}`
    this.#caller.task.record({
      type: 'decision.made',
      kind: 'award',
      chosen: defined.name,
      alternatives: others.map((other) => this.#peers[other]?.defined.name ?? ''),
      reason: [offer, ...declined.map(inWords)].join('; '),
    })
    this.#caller.ask(agent).then(
      (answer) => this.#answered(defined, answer),
      (thrown: unknown) => this.#failed(defined, toTroupeError(thrown)),
    )
  }

  #answered({ name }: AgentDefinition, answer: unknown): void {
    const { output } = this.#request
    const parsed = output ? parseWith(output, answer) : { value: answer }
    const outcome: Outcome =
      'value' in parsed
        ? { status: 'completed', output: parsed.value }
        : outcomeOf(misfit(name, parsed.faults))
    this.#send({ type: 'peer.answered', outcome })
  }

  #failed(peer: AgentDefinition, error: TroupeError): void {
    if (isUnbegun(error, peer, this.#request.input))
      this.#send({ type: 'peer.declined', reason: error.message })
    else this.#send({ type: 'peer.answered', outcome: outcomeOf(error) })
  }

  #send(event: PeersEvent): void {
    if (!this.#over) this.#flow.send(event)
  }

  #fail(error: TroupeError): void {
    this.#settle(outcomeOf(error))
  }

  #settle(outcome: Outcome): void {
    if (this.#over) return
    this.#over = true
    this.#request.signal?.removeEventListener('abort', this.#abort)
    if (outcome.status === 'completed') this.#promised.resolve(outcome.output)
    else this.#promised.reject(errorOf(outcome))
  }

  #nobody(declined: readonly Declined[]): DeliveryError {
    const { capability, input } = this.#request
    const { name } = this.#caller.task.definition
    const all = new Set(this.#known.flatMap((agent) => definitionOf(agent).capabilities))
    const text =
      declined.length > 0
        ? `nobody helps "${name}" with "${capability}": ${declined.map(inWords).join('; ')}`
        : `nobody whom "${name}" may ask has the capability "${capability}"; they have ${listed(all)}`
    return new DeliveryError('NO_PEER', text, input)
  }
}

const inWords = ({ name, reason }: Declined): string => `"${name}": ${reason}`

const listed = (names: ReadonlySet<string>): string =>
  names.size === 0 ? 'none' : [...names].map((name) => `"${name}"`).join(', ')

const misfit = (agent: string, faults: readonly Fault[]): InvalidMessageError => {
  const text = `the help of "${agent}" does not fit what was asked for: ${describeFaults(faults)}`
  return new InvalidMessageError(text, { code: 'INVALID_OUTPUT', faults, agent })
}

/** Whether the peer turned the task away at its door: then another one can be asked without doing anything twice. */
const isUnbegun = (error: TroupeError, { name }: AgentDefinition, input: unknown): boolean => {
  if (error instanceof CircuitOpenError) return error.details['agent'] === name
  if (error instanceof InvalidMessageError) return error.code === 'INVALID_INPUT' && error.agent === name
  return error instanceof DeliveryError && payloadOf(error.undelivered) === input
}

/** Of a request that was not delivered. */
const payloadOf = (undelivered: unknown): unknown =>
  typeof undelivered === 'object' && undelivered !== null && 'payload' in undelivered
    ? undelivered.payload
    : undelivered
