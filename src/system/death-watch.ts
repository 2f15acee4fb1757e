/**
 * Watching: whoever watches an actor is told once when it is gone for good, after all that it had sent before, and
 * never of a restart.
 */
import type { EventObject } from 'xstate'
import { ConfigurationError } from '../contracts/errors.ts'
import type { ExitReason, Terminated } from '../contracts/logic.ts'
import type { AnyRef } from '../contracts/messages.ts'
import type { Cell } from './cell.ts'
import type { Revocable, Token } from './mail.ts'

/** @throws ConfigurationError when it is watched already, with another message */
export const watch = (watcher: Cell, target: Cell | undefined, ref: AnyRef, message: EventObject | undefined): void => {
  if (target === undefined || target.state === 'terminated') {
    unwatch(watcher, target, ref)
    return watchNobody(watcher, ref, message)
  }
  const { generation } = watcher
  const watchers = (target.rest.watchers ??= new Map())
  const existing = watchers.get(watcher)
  // The next incarnation sets up its watches again, in its own words.
  if (existing !== undefined && existing.generation === generation) {
    if (existing.message === message) return
    throw new ConfigurationError(`"${ref.path}" is watched with another message: unwatch it first`)
  }
  watchers.set(watcher, { token: { active: true }, message, generation })
  ;(watcher.rest.watching ??= new Set()).add(target)
}

/** Who is gone already is told of at once; what is queued about it is said once. */
const watchNobody = (watcher: Cell, ref: AnyRef, message: EventObject | undefined): void => {
  const token = { active: true }
  const queued = (watcher.rest.queuedEnds ??= new Map())
  // With an empty mailbox all of them have arrived.
  if (watcher.mailbox.size === 0) queued.clear()
  queued.set(ref.uid, token)
  tell(watcher, undefined, message ?? terminated(ref, { type: 'no-actor' }), token)
}

const revoke = (queued: Map<string, Revocable> | undefined, { uid }: AnyRef): void => {
  const token = queued?.get(uid)
  if (token) token.active = false
  queued?.delete(uid)
}

/** No `Terminated` of it arrives any more, not even one that is queued. */
export const unwatch = (watcher: Cell, target: Cell | undefined, ref: AnyRef): void => {
  revoke(watcher.more?.queuedEnds, ref)
  if (target === undefined) return
  const watchers = target.more?.watchers
  const watched = watchers?.get(watcher)
  if (watched) watched.token.active = false
  watchers?.delete(watcher)
  watcher.more?.watching?.delete(target)
}

/** A watcher that ends watches nobody. */
export const unwatchAll = (watcher: Cell): void => {
  for (const target of watcher.more?.watching ?? []) unwatch(watcher, target, target.ref)
}

export const tellWatchers = (target: Cell, reason: ExitReason): void => {
  const watchers = target.more?.watchers
  if (!watchers) return
  for (const [watcher, { token, message }] of watchers) {
    // A watcher of many must not hold on to the dead; the entry here lets it still take back what is queued.
    watcher.more?.watching?.delete(target)
    tell(watcher, target, (message as EventObject | undefined) ?? terminated(target.ref, reason), token)
  }
}

const terminated = (ref: AnyRef, reason: ExitReason): Terminated => ({ type: 'actor.terminated', ref, reason })

const tell = (watcher: Cell, target: Cell | undefined, event: EventObject, token: Token): void => {
  const { kernel } = watcher
  const mail = kernel.mail(event, target)
  mail.exempt = true
  mail.token = token
  kernel.post(watcher, mail)
}
