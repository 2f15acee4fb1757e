/** What a model said, read: an answer by its schema, calls by those of the tools; and what it is told of faults. */
import type { Fault } from '../src/contracts/errors.ts'
import type { ModelResult, ToolCall } from '../src/contracts/ports.ts'
import { describeFaults } from '../src/contracts/protocol.ts'
import { readJson, type Form } from './form.ts'
import type { Toolbox } from './toolbox.ts'
import { brokenCall, type CallRecord, type Transcript } from './transcript.ts'

/** An answer, or what is said of it to the model; `faults` is `undefined` where there is no answer at all. */
export type AnswerReading =
  { readonly value: unknown } | { readonly faults: readonly Fault[] | undefined; readonly told: string }

/** Reads an answer. @param form how it was asked for; without it a text */
export const readAnswer = (text: string, form: Form | undefined): AnswerReading => {
  if (text.trim() === '') return { faults: undefined, told: 'Your answer was empty. Answer now.' }
  if (!form) return { value: text }
  const json = readJson(text)
  const reading = 'faults' in json ? json : form.read(json.value)
  return 'value' in reading ? reading : { faults: reading.faults, told: textOfFaults(reading.faults, form) }
}

const textOfFaults = (faults: readonly Fault[], { schema }: Form): string =>
  [
    'Your answer does not fit:',
    ...faults.map((fault) => `- ${describeFaults([fault])}`),
    `Answer again, with nothing but JSON that fits this JSON Schema: ${JSON.stringify(schema)}`,
  ].join('\n')

/** Reads the calls of an answer, and keeps it. One that cannot be run has its result already: what is wrong with it. */
export const readCalls = (
  transcript: Transcript,
  tools: Toolbox,
  result: ModelResult,
): { calls: readonly CallRecord[]; faults: readonly Fault[] } => {
  const faults: Fault[] = []
  const calls = transcript.answered(result).map((call) => {
    const found = tools.read(call)
    if ('missing' in found) {
      faults.push({ path: call.name, message: found.missing })
      return brokenCall(call, found.missing)
    }
    const { tool, reading } = found
    if ('value' in reading) return transcript.recordOf(call, tool, reading.value)
    faults.push(...reading.faults.map((fault) => within(call, fault)))
    return brokenCall(call, `the arguments do not fit: ${describeFaults(reading.faults)}`)
  })
  return { calls, faults }
}

const within = ({ name }: ToolCall, { path, message }: Fault): Fault => ({
  path: path === '' ? name : `${name}.${path}`,
  message,
})
