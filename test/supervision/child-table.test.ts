/** The table of a supervisor's children: what it forgets, so that thousands may come and go. */
import { fromBehavior, type ActorRef } from 'troupe'
import { expect, it } from 'vitest'
import { childTable } from '../../actors/child-table.ts'

const logic = fromBehavior(() => () => {})
const refOf = (uid: string): ActorRef => ({ uid, path: `/${uid}` }) as ActorRef

it('finds a child by its name and by its ref, until it has ended', () => {
  const table = childTable()
  const child = table.add({ id: 'a', logic }, 'spec', 0)
  table.started(child, refOf('1'), 0)
  expect([table.byId('a'), table.byRef(refOf('1'))]).toEqual([child, child])
  table.ended(child)
  expect([table.byId('a'), table.byRef(refOf('1')), child.ref]).toEqual([child, undefined, undefined])
  table.started(child, refOf('2'), 0)
  expect([table.byRef(refOf('1')), table.byRef(refOf('2'))]).toEqual([undefined, child])
  table.ended(child)
  table.remove(child)
  expect([table.byId('a'), table.size]).toEqual([undefined, 0])
})

it('keeps no spec of a child that is never started again', () => {
  const table = childTable()
  const kept = table.add({ id: 'a', logic, input: 'large' }, 'spec', 0)
  const temporary = table.add({ id: 'b', logic, input: 'large', restart: 'temporary' }, 'spec', 0)
  const dynamic = table.add({ id: 'c', logic, input: 'large' }, 'nothing', 0)
  expect([kept.spec?.input, temporary.spec, dynamic.spec]).toEqual(['large', undefined, undefined])
})
