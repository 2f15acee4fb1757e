/** The support desk: each class of ticket ends where it should, and with faults each still ends in a named outcome. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSystem, type Agent, type Outcome, type RunEvent, type System, type SystemEvent } from 'troupe'
import { manualClock } from 'troupe/testing'
import { afterEach, describe, expect, it } from 'vitest'
import type { Answer, Ticket } from '../../docs/examples/support-desk/desk.ts'
import team, { faults, sabotage } from '../../docs/examples/support-desk/team.ts'
import { readCsv } from '../../src/cli/csv.ts'
import { inOrder } from '../../src/cli/in-order.ts'
import { linesOf } from '../../src/cli/lines.ts'

const root = join(import.meta.dirname, '../..')
const tickets = readFileSync(join(root, 'docs/examples/support-desk/tickets.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as { id: string; text: string })

const ofKind = (kind: string) => tickets.filter(({ id }) => id.startsWith(`${kind}-`))
const ticket = (id: string) => tickets.find((one) => one.id === id) as { id: string; text: string }

let system: System
afterEach(() => system.stop())

interface Ended {
  readonly outcome: Outcome<Answer>
  /** Who worked on it, in the order in which they began. */
  readonly agents: readonly string[]
}

const work = async (agent: Agent<Ticket, Answer>, input: Ticket): Promise<Ended> => {
  const run = system.submit(agent, input)
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  const agents = events.flatMap((event) => (event.type === 'task.started' ? [event.agent] : []))
  return { outcome: await run.outcome, agents: [...new Set(agents)] }
}

const answered = ({ outcome }: Ended): Answer => {
  if (outcome.status !== 'completed') throw new Error(`ended ${outcome.status}: ${JSON.stringify(outcome)}`)
  return outcome.output
}

describe('the support desk', () => {
  const start = async () => {
    system = await createSystem({ agents: [team], clock: manualClock() })
  }
  const ask = (input: Ticket) => work(team, input)

  it.each([
    ['bill', 'billing'],
    ['tech', 'technical'],
    ['sales', 'sales'],
    ['acct', 'account'],
  ])('hands plain tickets (%s) to %s, who answers from an article', async (kind, department) => {
    await start()
    for (const input of ofKind(kind)) {
      const { by, sources } = answered(await ask(input))
      expect({ id: input.id, by, sources: sources.length }).toEqual({
        id: input.id,
        by: department,
        sources: 1,
      })
    }
  })

  it('answers with the article that the ticket is about', async () => {
    await start()
    const sources = async (id: string) => answered(await ask(ticket(id))).sources
    expect(await sources('bill-01')).toEqual(['Charged twice for the same month'])
    expect(await sources('tech-08')).toEqual(['Limits of the API'])
    expect(await sources('sales-04')).toEqual(['A longer trial'])
    expect(await sources('acct-02')).toEqual(['A lost phone and two-factor sign-in'])
  })

  it('answers each of several topics in one ticket', async () => {
    await start()
    const topics = {
      'two-01': ['account', 'billing'],
      'two-02': ['billing', 'technical'],
      'two-03': ['sales', 'technical'],
    }
    for (const [id, departments] of Object.entries(topics)) {
      const ended = await ask(ticket(id))
      expect({ id, sources: answered(ended).sources.length }).toEqual({ id, sources: 2 })
      expect(ended.agents).toEqual(expect.arrayContaining(['several', ...departments]))
    }
  })

  it('asks for a second opinion below a confidence of 0.7, and trusts two that agree', async () => {
    await start()
    const ended = await ask(ticket('bill-09'))
    expect(ended.agents).toContain('second-opinion')
    expect(answered(ended).by).toBe('billing')
  })

  it('asks for no second opinion when it is sure', async () => {
    await start()
    expect((await ask(ticket('bill-01'))).agents).not.toContain('second-opinion')
  })

  it('leaves to people what even the second opinion does not know', async () => {
    await start()
    for (const input of [...ofKind('odd'), ticket('vague-01'), ticket('vague-03')]) {
      const ended = await ask(input)
      expect(ended.agents).toContain('second-opinion')
      const { by, receipt } = answered(ended)
      expect({ id: input.id, by }).toEqual({ id: input.id, by: 'front-desk' })
      expect(receipt).toMatch(/^FD-/)
    }
  })

  it('leaves empty, foreign and angry tickets to people, at once', async () => {
    await start()
    for (const input of [
      ...ofKind('empty'),
      ...ofKind('lang'),
      ticket('angry-01'),
      ticket('angry-02'),
      ticket('angry-04'),
    ]) {
      const ended = await ask(input)
      expect({ id: input.id, by: answered(ended).by }).toEqual({ id: input.id, by: 'front-desk' })
      expect(ended.agents).not.toContain('second-opinion')
    }
  })

  it('answers a customer who is only annoyed', async () => {
    await start()
    expect(answered(await ask(ticket('angry-03'))).by).toBe('technical')
  })

  it('answers a very long ticket by what it says at first, and leaves one without a point to people', async () => {
    await start()
    expect(answered(await ask(ticket('long-01'))).by).toBe('technical')
    expect(answered(await ask(ticket('long-02'))).by).toBe('front-desk')
    expect(answered(await ask({ text: 'refund '.repeat(200_000) })).by).toBe('billing')
  })

  it('leaves hostile tickets to people, and gives nothing of them back', async () => {
    await start()
    for (const input of ofKind('evil')) {
      const answer = answered(await ask(input))
      expect({ id: input.id, by: answer.by }).toEqual({ id: input.id, by: 'front-desk' })
      expect(answer.answer).toMatch(
        /^A colleague looks at your message by hand and answers today\. Receipt FD-[0-9a-f]{8}\.$/,
      )
    }
  })

  it('routes as before after hostile tickets', async () => {
    await start()
    const before = await ask(ticket('sales-02'))
    for (const input of ofKind('evil')) await ask(input)
    expect(await ask(ticket('sales-02'))).toEqual(before)
    expect(answered(await ask(ticket('acct-03'))).by).toBe('account')
  })

  it('gives the same ticket the same receipt, and another one another', async () => {
    await start()
    const receipt = async (input: Ticket) => answered(await ask(input)).receipt
    expect(await receipt(ticket('odd-01'))).toBe(await receipt(ticket('odd-01')))
    expect(await receipt(ticket('odd-01'))).not.toBe(await receipt(ticket('odd-02')))
  })

  it('rejects what is no ticket, and names the path', async () => {
    await start()
    const { outcome } = await ask({ body: 'x' } as unknown as Ticket)
    expect(outcome).toMatchObject({
      status: 'rejected',
      error: { code: 'INVALID_INPUT', faults: [{ path: 'text' }] },
    })
  })
})

describe('the support desk with faults', () => {
  it('ends every ticket in a named outcome, and shows how each fault is mended', async () => {
    const clock = manualClock()
    system = await createSystem({ agents: [faults], clock, seed: 1 })
    const seen: SystemEvent[] = []
    system.events.subscribe((event) => seen.push(event))
    sabotage(system)
    const ended: Ended[] = []
    const all = Promise.all(tickets.map(async (input) => ended.push(await work(faults, input))))
    for (let step = 0; ended.length < tickets.length && step < 2_000; step++) await clock.advance(10)
    await all

    expect(ended.map(({ outcome }) => outcome.status)).toEqual(tickets.map(() => 'completed'))
    expect(clock.now()).toBeLessThan(5_000)
    const circuits = (agent: string) =>
      seen.flatMap((event) =>
        event.type === 'circuit.changed' && event.agent === agent ? [`${event.from} ${event.to}`] : [],
      )
    const retries = (agent: string) =>
      seen.flatMap((event) =>
        event.type === 'task.retried' && event.agent === agent ? [event.error.code] : [],
      )
    const fellBack = (agent: string) =>
      seen.some(
        (event) => event.type === 'decision.made' && event.kind === 'fallback' && event.agent === agent,
      )
    expect(circuits('technical')).toEqual(
      expect.arrayContaining(['closed open', 'open half-open', 'half-open closed']),
    )
    expect(retries('technical')).toContain('TIMEOUT')
    expect(retries('sales')).toEqual(['UNAVAILABLE', 'UNAVAILABLE', 'UNAVAILABLE'])
    expect(fellBack('technical')).toBe(true)
    expect(fellBack('account')).toBe(true)
    const restarted = seen.flatMap((event) => (event.type === 'actor.restarted' ? [event.ref.path] : []))
    expect(restarted).toEqual(['/account'])
  })
})

const messages = join(process.env['TROUPE_DATA'] ?? join(root, '../shared/data'), 'banking77/train.csv')

describe.skipIf(!existsSync(messages))(
  'ten thousand messages of bank customers (skipped without TROUPE_DATA)',
  () => {
    it('are all answered or escalated, none is lost', { timeout: 120_000 }, async () => {
      system = await createSystem({ agents: [team] })
      const bytes = (async function* () {
        yield readFileSync(messages)
      })()
      const stop = new AbortController().signal
      const options = { concurrency: 16, window: 256, stop }
      const results = inOrder(
        readCsv(linesOf(bytes)),
        async (item) => {
          if (!('value' in item)) return 'unreadable'
          const outcome = await system.submit(team, item.value as Ticket).outcome
          if (outcome.status !== 'completed') return outcome.status
          return outcome.output.receipt === undefined ? 'answered' : 'escalated'
        },
        options,
      )
      const counts: Record<string, number> = {}
      for await (const ending of results) counts[ending] = (counts[ending] ?? 0) + 1
      expect(Object.keys(counts).toSorted()).toEqual(['answered', 'escalated'])
      expect((counts['answered'] ?? 0) + (counts['escalated'] ?? 0)).toBe(10_003)
    })
  },
)
