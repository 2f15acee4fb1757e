/** One call for help, explored completely. */
import { describe, expect, it } from 'vitest'
import { peersMachine, type PeersEffect, type PeersEvent, type PeersInput } from '../../machines/peers.ts'
import { explore, statesWithoutDescription } from './explore.ts'

const outcome = { status: 'completed', output: 1 } as const
const peer = (name: string, waits = false) => ({ name, waits })

const events: PeersEvent[] = [
  ...[0, 1, 2, 3].flatMap((place): PeersEvent[] => [
    { type: 'bid.received', peer: place, cost: 1 },
    { type: 'bid.received', peer: place, cost: 2 },
    { type: 'bid.declined', peer: place, reason: 'busy' },
  ]),
  { type: 'bids.closed' },
  { type: 'peer.answered', outcome },
  { type: 'peer.declined', reason: 'its circuit is open' },
]

const exploreWith = (peers: PeersInput['peers']) => explore(peersMachine, { input: { peers }, events })
type Asked = Extract<PeersEffect, { type: 'peer.ask' }>
const asked = (effects: readonly { type: string }[]) =>
  effects.filter((effect): effect is Asked => effect.type === 'peer.ask')

describe('a call for help to three peers, the second of which waits for it', () => {
  const { nodes, edges, unreached, untaken } = exploreWith([peer('a'), peer('b', true), peer('c')])
  const done = edges.filter(({ from, to }) => from.status === 'active' && to.status === 'done')

  it('reaches every state, takes every transition and describes each state', () => {
    expect(nodes.length).toBeGreaterThan(50)
    expect(unreached).toEqual([])
    expect(untaken).toEqual([])
    expect(statesWithoutDescription(peersMachine)).toEqual([])
  })

  it('asks only once all have bid, declined, or let the time go by', () => {
    for (const { to, effects } of edges) {
      if (asked(effects).length === 0) continue
      expect(to.context.peers.map(({ state }) => state)).not.toContain('called')
    }
  })

  it('asks who does not wait for it before who does, then the cheaper one, then the first', () => {
    for (const { to, effects } of edges) {
      for (const effect of asked(effects)) {
        const order = [effect.peer, ...effect.others].map((place) => {
          const { waits, cost } = to.context.peers[place]!
          return [waits ? 1 : 0, cost, place]
        })
        expect(order).toEqual(order.toSorted((x, y) => x[0]! - y[0]! || x[1]! - y[1]! || x[2]! - y[2]!))
        const willing = to.context.peers.filter(({ state }) => state === 'willing')
        expect(order).toHaveLength(willing.length)
      }
    }
  })

  it('asks nobody twice, and nobody who has declined', () => {
    for (const { from, to, effects } of edges) {
      for (const { peer: place, declined } of asked(effects)) {
        expect(to.context.peers[place]?.state).toBe('willing')
        expect(from.value === 'asking' && place === from.context.asked).toBe(false)
        expect(declined.map(({ name }) => name)).not.toContain(to.context.peers[place]?.name)
      }
    }
  })

  it('ends once: with the answer of the peer that was asked, or because nobody is left', () => {
    expect(done.length).toBeGreaterThan(0)
    for (const { from, event, effects } of done) {
      const ends = effects.filter(({ type }) => type === 'work.done' || type === 'peer.missing')
      expect(ends).toHaveLength(1)
      if (event.type === 'peer.answered') {
        expect(from.value).toBe('asking')
        expect(ends[0]).toEqual({ type: 'work.done', outcome })
      } else expect(ends[0]).toMatchObject({ type: 'peer.missing', declined: [{}, {}, {}] })
    }
  })

  it('takes no second answer of a peer, nor one of somebody else', () => {
    for (const { from, to, event } of edges) {
      if (event.type !== 'bid.received' && event.type !== 'bid.declined') continue
      if (from.context.peers[event.peer]?.state !== 'called') expect(to.context).toEqual(from.context)
    }
  })
})

it('ends at once where there is nobody to call', () => {
  const { nodes } = exploreWith([])
  expect(nodes).toHaveLength(1)
  expect(nodes[0]?.status).toBe('done')
})
