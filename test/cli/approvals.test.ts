/** Who decides what agents ask people: a person at the terminal, `--approve`, else nobody, at once. */
import { PassThrough, Writable } from 'node:stream'
import { agent, createSystem, human, type AnyAgent, type Outcome, type System } from 'troupe'
import { manualClock, type ManualClock } from 'troupe/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { decideApprovals } from '../../src/cli/approvals.ts'
import { exactly } from '../../src/cli/screen.ts'
import { terminal, type Terminal } from '../../src/cli/terminal.ts'
import { node } from '../tools.ts'
import clerk, { desk } from './fixtures/approvals/team.ts'
import { results } from './program.ts'

let system: System
let tidyUp: () => Promise<void> = async () => {}
afterEach(async () => {
  await tidyUp()
  tidyUp = async () => {}
})

type Given = Partial<{ isTTY: boolean; input: string; approve: 'all' | 'none'; clock: ManualClock }>

/** A system whose questions come to a screen, on which somebody types. */
const rig = async ({ isTTY = true, input, approve, clock }: Given = {}) => {
  let text = ''
  const stream = (): NodeJS.WriteStream =>
    Object.assign(
      new Writable({
        write: (chunk: Buffer, _encoding, done) => {
          text += chunk.toString()
          done()
        },
      }),
      { isTTY, columns: 80, getColorDepth: () => 1 },
    ) as unknown as NodeJS.WriteStream
  const keys = new PassThrough()
  const stdin = Object.assign(keys, { isTTY }) as unknown as NodeJS.ReadStream
  const streams = { stdin, stdout: stream(), stderr: stream() }
  const screen: Terminal = terminal(input === undefined ? {} : { input }, streams)
  system = await createSystem({ ...(clock && { clock }) })
  const own = system
  const stopDeciding = decideApprovals({ system, screen, approve })
  tidyUp = async () => {
    stopDeciding()
    await own.stop()
  }
  /** What is shown, from the last time until this. */
  const until = async (end: string): Promise<string> => {
    await vi.waitFor(() => expect(text).toContain(end), { timeout: 5_000, interval: 5 })
    const at = text.indexOf(end) + end.length
    const before = text.slice(0, at)
    text = text.slice(at)
    return before
  }
  const type = (line: string): void => void keys.write(`${line}\n`)
  return { screen, keys, type, until, rest: () => text }
}

const submit = (to: AnyAgent, input: unknown): Promise<Outcome> => system.submit(to, input as never).outcome
const pay = (to: string, eur: number): Promise<Outcome> => submit(clerk, JSON.stringify({ to, eur }))
const done = (output: unknown): Outcome => ({ status: 'completed', output })
const PROMPT = 'or e(dit): '
const EDIT_PROMPT = '(Enter: give up): '

describe('a person at the terminal', () => {
  it('is shown who asks, for which tool, the exact arguments, who may decide and for how long', async () => {
    const { type, until } = await rig()
    const outcome = pay('carl \u202E\u0007', 500)
    expect(await until(PROMPT)).toBe(
      `\nclerk wants to run pay\n  {\n    "to": "carl \\u202e\\u0007",\n    "eur": 500\n  }\n` +
        '  for 1 of ann, bob; to be decided within 1 h 00 min\n' +
        `Run it, as ann? y(es), n(o) and why, ${PROMPT}`,
    )
    type('y')
    expect(await outcome).toEqual(done('paid 500 to carl \u202E\u0007'))
  })

  it.each([
    ['in one line', ['n too dear'], 'too dear'],
    ['when asked', ['no', 'too dear'], 'too dear'],
    ['or not at all', ['n', ''], 'denied at the terminal'],
  ])('says no with a reason, %s, which the agent is told', async (_, lines, reason) => {
    const { type, until } = await rig()
    const outcome = pay('carl', 500)
    await until(PROMPT)
    type(lines[0] ?? '')
    if (lines.length > 1) {
      await until('(Enter: no reason): ')
      type(lines[1] ?? '')
    }
    expect(await outcome).toEqual(done(reason))
  })

  it('changes the arguments, and is told what does not fit', async () => {
    const { type, until } = await rig()
    const outcome = pay('carl', 500)
    await until(PROMPT)
    type('maybe')
    expect(await until(PROMPT)).toContain('Please answer y, n or e.')
    type('e {"to":1,"eur":5}')
    expect(await until(EDIT_PROMPT)).toMatch(/^That does not fit: to: [^\n]*\nThe arguments to run it with/)
    type('{"to"')
    expect(await until(EDIT_PROMPT)).toContain('That is no JSON.')
    type('{"to":"carla","eur":7}')
    expect(await outcome).toEqual(done('paid 7 to carla'))
  })

  it('who edits runs nothing before the arguments fit: y is no answer there, Enter gives up', async () => {
    const { type, until } = await rig()
    const outcome = pay('carl', 500)
    await until(PROMPT)
    type('e')
    await until(EDIT_PROMPT)
    type('{"to":"carl","eur":"5"}')
    expect(await until(EDIT_PROMPT)).toContain('That does not fit: eur: ')
    type('y')
    expect(await until(EDIT_PROMPT)).toContain('That is no JSON.')
    type('')
    expect(await until(PROMPT)).toBe(
      'Nothing is changed: y runs it with the arguments shown above.\n' +
        `Run it, as ann? y(es), n(o) and why, ${PROMPT}`,
    )
    type('y')
    expect(await outcome).toEqual(done('paid 500 to carl'))
  })

  it('answers for each of as many as have to agree', async () => {
    const { type, until } = await rig()
    const outcome = pay('carl', 5_000)
    expect(await until(PROMPT)).toContain('for 2 of ann, bob;')
    type('y')
    expect(await until(PROMPT)).toBe(`Run it, as bob? y(es), n(o) and why, ${PROMPT}`)
    type('y')
    expect(await outcome).toEqual(done('paid 5000 to carl'))
    expect(await system.approvals.list({ status: 'approved' })).toMatchObject([
      { decisions: [{ by: 'ann' }, { by: 'bob' }] },
    ])
  })

  it('is asked one thing at a time; what was typed before a question was shown answers nothing', async () => {
    const { keys, type, until } = await rig()
    type('y')
    const outcomes = [pay('carl', 500), pay('dora', 600)]
    expect(await until(PROMPT)).toContain('; 1 more after this\n')
    keys.write('y\ny\n')
    expect(await outcomes[0]).toEqual(done('paid 500 to carl'))
    expect(await until(PROMPT)).toContain('"to": "dora"')
    type('n no')
    expect(await outcomes[1]).toEqual(done('no'))
  })

  it('reads undisturbed: what else is to be shown comes after the answer, and alarms at once', async () => {
    const { screen, type, until, rest } = await rig()
    const outcome = pay('carl', 500)
    await until(PROMPT)
    screen.say('a line')
    const written = screen.results.write('a result\n')
    screen.alert('an alarm')
    expect(await until(PROMPT)).toMatch(/^\nan alarm\n\nclerk wants to run pay/)
    expect(rest()).toBe('')
    type('y')
    await Promise.all([outcome, written])
    expect(rest()).toContain('a line\n')
    expect(rest()).toContain('a result\n')
  })

  it('is not asked any more when the time is up', async () => {
    const clock = manualClock()
    const { until, screen } = await rig({ clock })
    const outcome = pay('carl', 500)
    await until(PROMPT)
    await clock.advance(3_600_000)
    expect(await outcome).toMatchObject({ status: 'completed', output: expect.stringContaining('in time') })
    await screen.talk?.closed()
    expect(screen.talk?.isOpen).toBe(false)
  })

  it('answers questions, as text or as JSON, or declines', async () => {
    const { type, until } = await rig()
    const outcome = submit(desk, { about: 'rent' })
    expect(await until('and why: ')).toBe(
      '\ndesk asks a person\n  {\n    "about": "rent"\n  }\n  to be decided within 1 h 00 min\n' +
        'Your answer, or /no and why: ',
    )
    type('five')
    expect(await until('and why: ')).toContain('That does not fit: ')
    type('{"eur":"five"}')
    expect(await until('and why: ')).toContain('That does not fit: eur: ')
    type(' ')
    expect(await until('and why: ')).toContain('That is empty.')
    type('{"eur":5}')
    expect(await outcome).toEqual(done({ eur: 5 }))

    const text = submit(human('poet'), 'A word?')
    await until('and why: ')
    type('42')
    expect(await text).toEqual(done('42'))

    const declined = submit(desk, 'rent')
    await until('and why: ')
    type('/no not today')
    expect(await declined).toMatchObject({ status: 'rejected', error: { message: 'not today' } })
  })

  it('answers as often as answers are needed, where anyone may give them', async () => {
    const { type, until } = await rig()
    const outcome = submit(human('jury', { of: 2 }), 'Guilty?')
    for (const answer of ['yes', 'no']) {
      await until('and why: ')
      type(answer)
    }
    expect(await outcome).toEqual(done('no'))
  })

  it('who leaves refuses what is asked from then on', async () => {
    const { keys, until } = await rig()
    const first = pay('carl', 500)
    await until(PROMPT)
    keys.end()
    expect(await first).toEqual(done('nobody can be asked here'))
    expect(await pay('dora', 600)).toEqual(done('nobody can be asked here'))
  })

  it('who is asked while standard input holds the records is not there', async () => {
    const { until } = await rig({ input: '-' })
    expect(await pay('carl', 500)).toEqual(done('nobody can be asked here'))
    await until('--approve all lets it run')
  })
})

describe('without a terminal', () => {
  it('tools are refused, and the way out is said once', async () => {
    const { rest } = await rig({ isTTY: false })
    expect(await pay('carl', 500)).toEqual(done('nobody can be asked here'))
    expect(await pay('dora', 5_000)).toEqual(done('nobody can be asked here'))
    const refused = /"clerk" asks a person whether "pay" may run, and nobody can be asked here: refused/g
    expect(rest().match(refused)).toHaveLength(1)
    expect(rest()).toContain('--approve all lets it run, --approve none refuses it without a word')
  })

  it('a question is declined, unless it ends within a minute: then somebody else may answer', async () => {
    const clock = manualClock()
    const { rest } = await rig({ isTTY: false, clock })
    expect(await submit(desk, 'rent')).toMatchObject({
      status: 'rejected',
      error: { message: 'nobody can answer here' },
    })
    const stand = agent('stand-in', { run: () => 'so be it' })
    const soon = submit(human('soon', { input: z.string(), timeoutMs: 60_000, otherwise: stand }), 'rent')
    await clock.advance(60_000)
    expect(await soon).toEqual(done('so be it'))
    expect(rest()).toContain('"desk" asks a person, and nobody can answer here')
  })
})

describe('--approve', () => {
  it('all lets tools run, in the name of as many as have to agree, and says nothing', async () => {
    for (const isTTY of [true, false]) {
      const { rest } = await rig({ isTTY, approve: 'all' })
      expect(await pay('carl', 500)).toEqual(done('paid 500 to carl'))
      expect(await pay('dora', 5_000)).toEqual(done('paid 5000 to dora'))
      expect(rest()).toBe('')
    }
  })

  it('none refuses them', async () => {
    const { rest } = await rig({ approve: 'none' })
    expect(await pay('carl', 500)).toEqual(done('refused by --approve none'))
    expect(rest()).toBe('')
  })

  it('answers no questions', async () => {
    const { type, until } = await rig({ approve: 'all' })
    const outcome = submit(desk, 'rent')
    await until('and why: ')
    type('{"eur":1}')
    expect(await outcome).toEqual(done({ eur: 1 }))
  })
})

describe('the command without a terminal', () => {
  const team = 'test/cli/fixtures/approvals/team.ts'
  const command = ['--import', './test/use-sources.ts', 'src/cli.ts', 'run', team]
  it.concurrent.each([
    [[], 'nobody can be asked here', true],
    [['--approve', 'all'], 'paid 500 to carl', false],
    [['--approve', 'none'], 'refused by --approve none', false],
  ])('and with %j ends each record', { timeout: 60_000 }, async (flags, output, isSaid) => {
    const { code, stdout, stderr } = await node([...command, '--json', ...flags])
    expect(code).toBe(0)
    expect(results(stdout)).toMatchObject([{ outcome: { output } }, {}, { outcome: { status: 'completed' } }])
    expect(stderr.includes('nobody can be asked here: refused')).toBe(isSaid)
  })
})

it('what a tool is called with is shown to the last character, and steers no terminal', () => {
  const value = { text: 'a\u001b[2J\u0085\u2028\u{E0001}"\n', list: [1] }
  const shown = exactly(value)
  expect(shown).not.toMatch(/[^\n\P{Cc}]|\p{Cf}|\p{Zl}/u)
  expect(JSON.parse(shown)).toEqual(value)
  expect(exactly(undefined)).toBe('nothing')
  expect(exactly(12n)).toBe('12n')
})
