/** Runs the sample, then shows each run as its events tell it. */
import { readFileSync } from 'node:fs'
import { createSystem } from 'troupe'
import team, { Ticket } from './team.ts'
import { linesOf, traceOf } from './trace.ts'

const lines = readFileSync(new URL('tickets.jsonl', import.meta.url), 'utf8').trim().split('\n')
const system = await createSystem({ agents: [team] })
for (const line of lines) {
  const { id, ...ticket } = Ticket.parse(JSON.parse(line))
  await system.submit(team, { id, ...ticket }, { id }).outcome
}
for (const { id } of (await system.runs.list()).toReversed()) {
  const run = await system.runs.show(id)
  if (run) console.log(linesOf(traceOf(run.events)).join('\n'))
}
await system.stop()
