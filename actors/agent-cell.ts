/**
 * An agent in its cell: the lifecycle of `machines/agent.ts` with its effects performed. It admits requests, gives
 * permits and keeps count; each task has a cell of its own.
 */
import type { AnyEventObject } from 'xstate'
import { agentMachine, type AgentEffect, type CircuitState } from '../machines/agent.ts'
import { isTripped, recordResult } from '../machines/circuit.ts'
import { incarnate, type CellLogic, type Incarnation, type Interpreter } from '../src/contracts/behavior.ts'
import {
  CircuitOpenError,
  DeliveryError,
  outcomeOf,
  toTroupeError,
  type TroupeError,
} from '../src/contracts/errors.ts'
import type { AgentMessage } from '../src/contracts/messages.ts'
import type { AgentDefinition } from '../src/contracts/agent-definition.ts'
import type { AgentScope, TaskInput, TaskLost } from '../src/contracts/agent-scope.ts'
import type { CircuitSet } from '../src/contracts/agent-record.ts'
import type { Permit, TaskReport } from '../src/contracts/task-messages.ts'
import type { TaskMeta } from '../src/contracts/task-request.ts'
import { checked } from './contract.ts'
import { warnOfMany } from './many-tools.ts'

/** The logic of an agent's cell. */
export const agentLogic: CellLogic<AnyEventObject, AgentDefinition, AgentScope> = {
  [incarnate]: (scope, definition) => new AgentActor(scope, definition),
}

/** How many durations are kept for percentiles. */
const DURATIONS_KEPT = 1_024

type Failed = Extract<TaskReport, { type: 'attempt.failed' }>
type Settled = Extract<TaskReport, { type: 'task.settled' }>

/** A request between its arrival and its start. */
interface Arrived {
  readonly request: AgentMessage
  readonly meta: TaskMeta
  readonly input: unknown
}

class AgentActor implements Incarnation {
  readonly #scope: AgentScope
  readonly #definition: AgentDefinition
  readonly #lifecycle: Interpreter<typeof agentMachine>
  #arrived: Arrived | undefined
  #permit: Permit
  #gateOpen = true
  #stopping = false

  constructor(scope: AgentScope, definition: AgentDefinition) {
    this.#scope = scope
    this.#definition = definition
    this.#permit = { epoch: scope.circuit.epoch, probe: false }
    this.#lifecycle = scope.interpret(agentMachine, this)
    this.#lifecycle.start(limitsOf(definition))
    this.#restore()
    for (const topic of definition.listen?.topics ?? []) scope.subscribe(topic)
    // What servers add to them is told when they are asked.
    if (definition.turns?.sources.length === 0) warnOfMany(scope.log, definition.name, definition.turns.tools.length)
  }

  receive(message: AnyEventObject): void {
    // Envelopes come from others; what has none, from the kernel, from tasks and from timers.
    if ('correlationId' in message) this.#received(message as unknown as AgentMessage)
    else this.#reported(message as TaskReport | TaskLost | CircuitSet | { type: 'open.timer' | 'probe.timer' })
  }

  stopping(): void {
    this.#stopping = true
    this.#finishWhenIdle()
  }

  #received(message: AgentMessage): void {
    this.#scope.metrics.messagesIn += 1
    if (message.type === 'task.request') this.#admit(message)
    else if (this.#definition.listen && isForEverybody(message)) this.#start(message, message.payload)
    else this.#scope.unhandled()
  }

  #reported(report: TaskReport | TaskLost | CircuitSet | { type: 'open.timer' | 'probe.timer' }): void {
    const at = this.#scope.steady()
    switch (report.type) {
      case 'task.settled':
        this.#settled(report, at)
        break
      case 'attempt.failed':
        this.#failed(report, at)
        break
      case 'attempt.requested':
        this.#lifecycle.send({ type: 'attempt.requested', id: report.id, at })
        break
      case 'task.lost':
        this.#lost(report.input, at)
        break
      case 'circuit.set':
        this.#lifecycle.send({ type: 'circuit.set', mode: report.mode, at })
        break
      case 'open.timer':
      case 'probe.timer':
        this.#lifecycle.send({ type: report.type, at })
        break
      default:
        return this.#scope.unhandled()
    }
    this.#keep()
    if (this.#stopping) this.#finishWhenIdle()
  }

  perform(effect: AgentEffect): void {
    switch (effect.type) {
      case 'task.start':
        return this.#startTask(effect.probe ? { ...this.#permit, probe: true } : this.#permit, 0)
      case 'task.divert':
        return this.#startTask(undefined, effect.retryAfterMs)
      case 'task.reject':
        return this.#refuse(new CircuitOpenError(this.#definition.name, effect.retryAfterMs))
      case 'attempt.grant':
        return this.#scope.answerTask(effect.id, {
          type: 'attempt.granted',
          permit: { ...this.#permit, probe: effect.probe },
        })
      case 'attempt.deny':
        return this.#scope.answerTask(effect.id, {
          type: 'attempt.denied',
          retryAfterMs: effect.retryAfterMs,
        })
      case 'timer.arm': {
        const afterMs = Math.max(0, effect.at - this.#scope.steady())
        return this.#scope.timers.start(effect.key, { type: `${effect.key}.timer` }, { afterMs })
      }
      case 'timer.cancel':
        return this.#scope.timers.cancel(effect.key)
      case 'circuit.changed':
        return this.#changed(effect.from, effect.to)
    }
  }

  #admit(request: AgentMessage): void {
    const { name, concurrency } = this.#definition
    if (concurrency === 1 && request.chain.includes(this.#scope.self.address)) {
      const text = `"${name}" takes one task at a time, and that one waits for this`
      return this.#turnAway(request, new DeliveryError('ASK_CYCLE', text, request.payload))
    }
    const { meta } = this.#scope
    let input: unknown
    try {
      input = checked(this.#definition, 'input', request.payload, meta.parsed)
    } catch (thrown) {
      return this.#turnAway(request, toTroupeError(thrown))
    }
    this.#start(request, input, meta)
  }

  #start(request: AgentMessage, input: unknown, meta = this.#scope.meta): void {
    this.#arrived = { request, meta, input }
    this.#lifecycle.send({ type: 'task.request', id: request.id, at: this.#scope.steady() })
    this.#arrived = undefined
    this.#setGate()
  }

  #startTask(permit: Permit | undefined, retryAfterMs: number): void {
    if (!this.#arrived) return
    const { request, meta, input } = this.#arrived
    this.#scope.startTask({ definition: this.#definition, request, meta, input, permit, retryAfterMs })
  }

  #refuse(error: TroupeError): void {
    if (this.#arrived) this.#turnAway(this.#arrived.request, error)
  }

  #turnAway(request: AgentMessage, error: TroupeError): void {
    this.#scope.metrics.failed += 1
    this.#scope.refuse(request, outcomeOf(error))
  }

  #failed({ permit, counts, durationMs }: Failed, at: number): void {
    const late = permit.epoch !== this.#scope.circuit.epoch
    const trip = !late && counts && this.#judge(true, durationMs, at)
    this.#lifecycle.send({ type: 'attempt.failed', at, counts, late, probe: permit.probe, trip })
  }

  #settled({ permit, good, status, attemptMs, durationMs, retries }: Settled, at: number): void {
    this.#measure(status === 'completed', durationMs, retries)
    const late = permit !== undefined && permit.epoch !== this.#scope.circuit.epoch
    const trip = good && !late && this.#judge(false, attemptMs, at)
    const probe = permit?.probe === true
    this.#lifecycle.send({ type: 'task.settled', at, failed: status === 'failed', good, late, probe, trip })
  }

  /** Its cell died, so whatever it tried has failed. */
  #lost({ permit, request }: TaskInput, at: number): void {
    if (permit)
      this.#failed({ type: 'attempt.failed', id: request.id, permit, counts: true, durationMs: 0 }, at)
    this.#measure(false, at - request.timestamp, 0)
    const settled = { failed: true, good: false, late: false, probe: false, trip: false }
    this.#lifecycle.send({ type: 'task.settled', at, ...settled })
  }

  /** Whether the window opens the circuit after this call. */
  #judge(failed: boolean, durationMs: number, at: number): boolean {
    const { circuit } = this.#definition
    if (!circuit || !circuit.window) return false
    const { results } = this.#scope.circuit
    recordResult(results, { at, failed, slow: durationMs > circuit.window.slowMs }, circuit.window)
    return isTripped(results, circuit.window)
  }

  #measure(completed: boolean, durationMs: number, retries: number): void {
    const { metrics } = this.#scope
    const count = metrics.completed + metrics.failed
    metrics.durationsMs[count % DURATIONS_KEPT] = durationMs
    metrics.totalMs += durationMs
    if (completed) metrics.completed += 1
    else metrics.failed += 1
    if (retries > 0) metrics.retried += retries
  }

  #changed(from: CircuitState, to: CircuitState): void {
    const { circuit } = this.#scope
    circuit.state = to
    circuit.epoch += 1
    circuit.mode = to === 'isolated' || to === 'disabled' || to === 'metrics-only' ? to : 'normal'
    circuit.results.length = 0
    this.#permit = { epoch: circuit.epoch, probe: false }
    this.#scope.circuitChanged(from, to)
  }

  /** What has to outlive this incarnation. */
  #keep(): void {
    const { context } = this.#lifecycle
    const { circuit } = this.#scope
    circuit.failures = context.failures
    circuit.trips = context.trips
    circuit.openUntil = context.openUntil
    this.#setGate()
  }

  #restore(): void {
    const { circuit } = this.#scope
    const { mode, failures, trips, openUntil } = circuit
    const state = mode === 'normal' ? circuit.state : mode
    if (state === 'closed' && failures === 0 && trips === 0) return
    // Its probes are gone: the next request is one.
    const restored = state === 'half-open' ? 'open' : state
    if (restored !== circuit.state) this.#changed(circuit.state, restored)
    this.#lifecycle.send({
      type: 'circuit.restored',
      circuit: restored,
      failures,
      trips,
      openUntil,
      at: this.#scope.steady(),
    })
    this.#keep()
  }

  /** Work waits while enough is in flight; what an open circuit refuses, it refuses at once. */
  #setGate(): void {
    const { running, circuit } = this.#lifecycle.context
    const refuses =
      !this.#definition.fallback && (circuit === 'open' || circuit === 'half-open' || circuit === 'isolated')
    const open = refuses || running < this.#definition.concurrency
    if (open === this.#gateOpen) return
    this.#gateOpen = open
    this.#scope.gate(open)
  }

  #finishWhenIdle(): void {
    if (this.#lifecycle.context.running === 0) this.#scope.finish()
  }
}

const isForEverybody = ({ to }: AgentMessage): boolean => to === 'broadcast' || to.startsWith('topic:')

/** Without a circuit it opens only by hand. */
const limitsOf = ({ circuit, concurrency, fallback }: AgentDefinition) => ({
  concurrency,
  failures: circuit ? circuit.failures : Infinity,
  openMs: circuit ? circuit.openMs : 30_000,
  maxOpenMs: circuit ? circuit.maxOpenMs : 300_000,
  probes: circuit ? circuit.probes : 1,
  missRate: circuit && circuit.window ? circuit.window.failureRate : 0,
  probeTimeoutMs: circuit ? circuit.probeTimeoutMs : 60_000,
  fallback: fallback !== undefined,
})
