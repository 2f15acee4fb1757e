/** What can be asked of a supervisor: to start, stop, restart and list its children by hand. */
import type { EventObject } from 'xstate'
import type { AnyChildSpec, CellScope, SupervisorRequest } from '../src/contracts/behavior.ts'
import { ConflictError, DeliveryError, toTroupeError } from '../src/contracts/errors.ts'
import type { AgentMessage } from '../src/contracts/messages.ts'
import type { Child, ChildTable } from './child-table.ts'
import type { StartChildren } from './start-children.ts'
import type { StopChildren } from './stop-children.ts'
import { checkSpec, type SupervisorSettings } from './supervisor-options.ts'

/** What a supervisor takes; what it understands of that are `SupervisorRequest`s. */
export type SupervisorMessage = EventObject & { readonly type: `supervisor.${string}` }

/** What answering takes. */
export interface Answering {
  readonly scope: Pick<CellScope<SupervisorMessage>, 'reply' | 'replyError'>
  readonly settings: SupervisorSettings
  readonly table: ChildTable
  readonly stop: StopChildren
  readonly start: StartChildren
  now(): number
  /** A child is to be terminated by hand: a group that goes down is started without it. */
  leaveOut(child: Child): void
  /** And now it is down. */
  terminated(child: Child): void
}

/** Whether it never has to wait for a group that goes down. */
export const isForNow = (request: SupervisorRequest): boolean =>
  isQuestion(request) || request.type === 'supervisor.terminate-child'

/** Whether it changes nothing. */
export const isQuestion = ({ type }: SupervisorRequest): boolean =>
  type === 'supervisor.which-children' || type === 'supervisor.count-children'

/** Answers one request. @param to the envelope that it came in */
export const answerRequest = (desk: Answering, request: SupervisorRequest, to: AgentMessage): void => {
  const reply = (value?: unknown): void => desk.scope.reply(value, to)
  try {
    switch (request.type) {
      case 'supervisor.start-child':
        return reply(startChild(desk, request.spec).ref)
      case 'supervisor.terminate-child':
        return terminateChild(desk, request.id, reply)
      case 'supervisor.restart-child':
        return reply(desk.start.anew(...idleChild(desk, request.id)))
      case 'supervisor.delete-child':
        return reply(desk.table.remove(idleChild(desk, request.id)[0]))
      case 'supervisor.which-children':
        return reply(desk.table.list().map(({ id, ref, status, restart }) => ({ id, ref, status, restart })))
      case 'supervisor.count-children':
        return reply(countChildren(desk.table.list()))
    }
  } catch (thrown) {
    desk.scope.replyError(toTroupeError(thrown), to)
  }
}

const startChild = ({ settings, table, start, now }: Answering, asked: AnyChildSpec): Child => {
  const { template, maxChildren } = settings
  const spec = template ? { ...template, id: asked.id, input: asked.input } : asked
  if (!template) checkSpec(spec, settings)
  if (table.byId(spec.id)) throw new ConflictError(spec.id, 'a free name', 'a child', 'NAME_TAKEN')
  if (template && table.size >= maxChildren) {
    throw new ConflictError(spec.id, `at most ${maxChildren} children`, `${table.size}`, 'MAX_CHILDREN')
  }
  const child = table.add(spec, template ? 'nothing' : 'spec', now())
  try {
    start.anew(child, spec)
  } catch (thrown) {
    table.remove(child)
    throw thrown
  }
  return child
}

const terminateChild = ({ table, stop, leaveOut, terminated }: Answering, id: string, reply: () => void): void => {
  const child = table.byId(id)
  if (!child) throw noSuchChild(id)
  leaveOut(child)
  stop.one(child, false, () => {
    terminated(child)
    reply()
  })
}

/** A child that is there, but neither runs nor waits for its restart. */
const idleChild = ({ table }: Answering, id: string): [Child, AnyChildSpec] => {
  const child = table.byId(id)
  // Without a spec it can be started once only; such a child is gone as soon as it has stopped.
  if (!child?.spec) throw noSuchChild(id)
  if (child.status !== 'stopped') throw new ConflictError(id, 'a stopped child', child.status)
  return [child, child.spec]
}

const noSuchChild = (id: string): DeliveryError =>
  new DeliveryError('NO_SUCH_ACTOR', `there is no child named "${id}"`)

const countChildren = (children: readonly Child[]) => {
  const supervisors = children.filter((child) => child.supervisor).length
  const active = children.filter((child) => child.status === 'running').length
  return { specs: children.length, active, supervisors, workers: children.length - supervisors }
}
