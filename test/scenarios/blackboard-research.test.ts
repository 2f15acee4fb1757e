/**
 * Research on a blackboard: sources contribute when they can; of two writers one version wins; the end is
 * announced once.
 */
import { createSystem, type Agent, type RunEvent, type System } from 'troupe'
import { scripted } from 'troupe/models/scripted'
import { manualClock } from 'troupe/testing'
import { afterEach, describe, expect, it } from 'vitest'
import team, { withModel } from '../../docs/examples/blackboard-research/team.ts'
import { troupeRun } from './command.ts'

let system: System
afterEach(() => system.stop())

const work = async <O>(on: Agent<string, O>, topic: string) => {
  const clock = manualClock()
  system = await createSystem({ clock, seed: 1 })
  const run = system.submit(on, topic)
  await clock.advance(1_000)
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  return { outcome: await run.outcome, events }
}

const begun = (events: readonly RunEvent[]) =>
  events.flatMap((event) => (event.type === 'task.started' ? [`${event.agent} ${event.at}`] : []))
const decisions = (events: readonly RunEvent[], kind: string) =>
  events.flatMap((event) =>
    event.type === 'decision.made' && event.kind === kind
      ? [[event.chosen, event.alternatives, event.reason]]
      : [],
  )

const reef = {
  title: 'SHADE CUT BLEACHING',
  summary:
    'Shade cut bleaching by a third in two summers. (Marine Letters 12) Larvae settle best on rough, dark tiles. (Ocean Notes 4) Divers have planted ten thousand corals off the north cape. (Harbour Post)',
  sources: ['Marine Letters 12', 'Ocean Notes 4', 'Harbour Post'],
}

describe('the research', () => {
  it('is summarised once it is complete, and ends with what is on the board', async () => {
    const { outcome, events } = await work(team, 'How can a reef be saved?')
    expect(outcome).toEqual({ status: 'completed', output: reef })
    expect(begun(events)).toEqual([
      'research 0',
      'research.papers 0',
      'research.news 0',
      'research.summarise 20',
      'writer 20',
      'research.editor 20',
      'research.press 20',
    ])
    expect(decisions(events, 'plan').slice(2, 3)).toEqual([['summarise', [], '"papers" is at version 1']])
  })

  it('says so when there is nothing to be found, and asks no writer', async () => {
    const { outcome, events } = await work(team, 'Do snails dream?')
    expect(outcome).toMatchObject({
      output: { summary: 'Nothing is known about Do snails dream?.', sources: [] },
    })
    expect(begun(events).some((text) => text.startsWith('writer'))).toBe(false)
  })

  it('has one title of two: the version that came first wins, the other is refused', async () => {
    const { events } = await work(team, 'How can a reef be saved?')
    expect(decisions(events, 'conflict')).toEqual([
      ['press', ['editor'], '"title" is at version 1, "editor" had seen 0'],
    ])
    // The editor was asked once, and found nothing left to do when it was due again.
    expect(begun(events).filter((text) => text.startsWith('research.editor'))).toHaveLength(1)
  })

  it('is quiescent once, after all that was written', async () => {
    const { events } = await work(team, 'What helps wild bees?')
    const announced = events.filter(({ type }) => type === 'board.quiescent')
    // The topic, papers, news, the summary, one title.
    expect(announced).toMatchObject([{ revision: 5, at: 30 }])
  })
})

it('takes a model for the summary', async () => {
  const model = scripted(['Shade helps (Marine Letters 12).'])
  const { outcome } = await work(withModel(model), 'How can a reef be saved?')
  expect(outcome).toMatchObject({ output: { summary: 'Shade helps (Marine Letters 12).' } })
  model.assertConsumed()
})

it('runs from the command line', async () => {
  system = await createSystem()
  const { code, results } = await troupeRun('blackboard-research')
  expect(code).toBe(0)
  expect(results.map(({ id, outcome }) => [id, outcome.status])).toEqual([
    ['q-1', 'completed'],
    ['q-2', 'completed'],
    ['q-3', 'completed'],
  ])
  expect(results[0]?.outcome).toMatchObject({ output: reef })
})
