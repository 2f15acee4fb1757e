/**
 * Troupe's agents with models for the peers harness, as `troupe.bench.mjs` has those without: a model in this process
 * that takes no time, so that what is left is what an agent with a model costs. As with the peers, the prompt is the
 * input as JSON and the answer is JSON in a text.
 */
import { readFileSync } from 'node:fs'
import { agent, createSystem, orchestrator, parallel, pipeline } from 'troupe'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

const work = (tag) => ({ text, n }) => ({ text: text + tag, n: n + 1 })
const merge = (results) => ({
  text: results.map((result) => result.text).join('|'),
  n: results.reduce((sum, result) => sum + result.n, 0),
})

const USAGE = { inputTokens: 10, cachedTokens: 0, outputTokens: 20 }

/** Streams its answer in one piece. */
const model = (answer) => ({
  name: 'instant',
  provider: 'bench',
  price: { input: 1, output: 2 },
  async *complete({ messages }) {
    const { text = '', calls = [] } = answer(messages)
    if (text !== '') yield { type: 'text', text }
    yield { type: 'end', result: { text, calls, finish: calls.length > 0 ? 'calls' : 'stop', usage: USAGE } }
  },
})

const worker = (name, tag = name) => {
  const step = work(tag)
  const answer = (messages) => ({ text: JSON.stringify(step(JSON.parse(messages.at(-1).text))) })
  return agent(name, { description: `Appends "${tag}".`, instructions: 'Append your letter.', model: model(answer) })
}

const call = (name, text) => ({ calls: [{ id: name, name, input: JSON.stringify({ text }) }] })

/** Asks `research`, then `write` with what was found, then merges both. */
const lead = (messages) => {
  const results = messages.filter(({ role }) => role === 'tool').map(({ text }) => text)
  if (results.length === 0) return call('research', messages.find(({ role }) => role === 'user').text)
  if (results.length === 1) return call('write', results[0])
  return { text: JSON.stringify(merge(results.map((result) => JSON.parse(result)))) }
}

const runs = async (team) => {
  const system = await createSystem({ agents: [team] })
  return {
    run: async (input) => JSON.parse(await system.run(team, JSON.stringify(input))),
    close: () => system.stop(),
  }
}

export default {
  name: 'troupe-model',
  version,
  workloads: {
    w1: () => runs(pipeline('pipeline', [worker('a'), worker('b'), worker('c')])),
    w2: () =>
      runs(
        parallel('fan-out', {
          branches: { a: worker('a'), b: worker('b'), c: worker('c') },
          need: 'all',
          join: (results) => JSON.stringify(merge(Object.values(results).map(({ output }) => JSON.parse(output)))),
        }),
      ),
    w4: () =>
      runs(
        orchestrator('lead', {
          instructions: 'Research, then write.',
          model: model(lead),
          delegates: { research: worker('research', 'r'), write: worker('write', 'w') },
        }),
      ),
  },
}
