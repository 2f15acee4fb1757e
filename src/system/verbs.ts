/**
 * What the system and every actor can do, each as itself: the verbs of `Actors`. The system's are sent from outside. What
 * an incarnation that is over still does is refused: nothing is sent, spawned or written any more.
 */
import type { EventObject } from 'xstate'
import type { Actors } from '../contracts/actors.ts'
import { DeliveryError } from '../contracts/errors.ts'
import type { Logic, SpawnOptions } from '../contracts/logic.ts'
import type { ActorRef, AnyRef, SendOptions, Topic } from '../contracts/messages.ts'
import type { RunOptions } from '../contracts/runs.ts'
import { ask, sendWhenRoom, type Outbound } from './asks.ts'
import type { Cell } from './cell.ts'
import { manage } from './management.ts'
import type { Names } from './names.ts'
import type { Registers } from './registers.ts'
import { spawn } from './spawn.ts'
import { drained, killed, stopped } from './stop-by-ref.ts'

/** Default of `drain`. */
const DRAIN_MS = 30_000

export abstract class Verbs implements Record<keyof Actors, unknown> {
  abstract readonly kernel: Registers
  /** Who acts; the system: nobody. */
  abstract readonly cell: Cell | undefined
  abstract readonly over: boolean

  get root(): AnyRef {
    return this.kernel.root.ref
  }

  get receptionist(): Names {
    return this.kernel.names
  }

  tell(to: AnyRef, message: EventObject): 'accepted' | 'rejected' {
    if (!this.over) return this.kernel.tell(this.cell, to, message)
    this.kernel.refuseStale(this.cell, message, to.address)
    return 'rejected'
  }

  publish(topic: Topic<EventObject> | string, message: EventObject): void {
    const name = typeof topic === 'string' ? topic : topic.name
    if (this.over) this.kernel.refuseStale(this.cell, message, `topic:${name}`)
    else this.kernel.topics.publish(this.cell, name, message)
  }

  ask(to: AnyRef, message: EventObject, options?: SendOptions): Promise<unknown> {
    return this.over ? never() : ask(this.outbound, to, message, options)
  }

  send(to: AnyRef, message: EventObject, options: SendOptions & { timeoutMs: number }): Promise<void> {
    return this.over ? never() : sendWhenRoom(this.outbound, to, message, options)
  }

  spawn(logic: Logic, options: SpawnOptions = {}): ActorRef {
    this.refuseWhenOver('spawn')
    return spawn(this.kernel, logic, options, this.cell ?? this.kernel.root).ref
  }

  run(agent: never, input: unknown, options?: RunOptions): Promise<unknown> {
    this.refuseWhenOver('run')
    return this.kernel.runs.run(agent, input, options)
  }

  submit(agent: never, input: unknown, options?: RunOptions): unknown {
    this.refuseWhenOver('submit')
    return this.kernel.runs.submit(agent, input, options)
  }

  stop(ref: AnyRef, { timeoutMs, info }: { timeoutMs?: number | undefined; info?: unknown } = {}): Promise<void> {
    const byItself = this.cell !== undefined && ref.uid === this.cell.ref.uid
    return this.over ? never() : stopped(this.kernel, ref, { timeoutMs, info, byItself })
  }

  drain(ref: AnyRef, { timeoutMs = DRAIN_MS }: { timeoutMs?: number | undefined } = {}): Promise<void> {
    return this.over ? never() : drained(this.kernel, ref, timeoutMs)
  }

  kill(ref: AnyRef): void {
    if (!this.over) killed(this.kernel, ref)
  }

  register(name: string, ref: AnyRef): void {
    this.refuseWhenOver('register')
    this.kernel.names.claim(name, ref)
  }

  unregister(name: string): void {
    this.kernel.names.free(name)
  }

  lookup(name: string): ActorRef | undefined {
    return this.kernel.names.lookup(name)
  }

  startChild(supervisor: AnyRef, spec: unknown): Promise<unknown> {
    return manage(this.outbound, supervisor, { type: 'supervisor.start-child', spec })
  }

  terminateChild(supervisor: AnyRef, id: string): Promise<unknown> {
    return manage(this.outbound, supervisor, { type: 'supervisor.terminate-child', id })
  }

  restartChild(supervisor: AnyRef, id: string): Promise<unknown> {
    return manage(this.outbound, supervisor, { type: 'supervisor.restart-child', id })
  }

  deleteChild(supervisor: AnyRef, id: string): Promise<unknown> {
    return manage(this.outbound, supervisor, { type: 'supervisor.delete-child', id })
  }

  whichChildren(supervisor: AnyRef): Promise<unknown> {
    return manage(this.outbound, supervisor, { type: 'supervisor.which-children' })
  }

  countChildren(supervisor: AnyRef): Promise<unknown> {
    return manage(this.outbound, supervisor, { type: 'supervisor.count-children' })
  }

  private get outbound(): Outbound {
    return { kernel: this.kernel, from: this.cell }
  }

  protected refuseWhenOver(what: string): void {
    if (this.over) throw new DeliveryError('ACTOR_TERMINATED', `"${this.cell?.ref.path ?? ''}" has ended: ${what} is refused`)
  }
}

/** What was asked for by an incarnation that is over is never answered. */
const never = (): Promise<never> => new Promise(() => {})
