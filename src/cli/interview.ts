/** What a person at the terminal is asked about one request, and what is made of the answers. */
import { InvalidMessageError } from '../contracts/errors.ts'
import { describeFaults } from '../contracts/protocol.ts'
import type { Clock } from '../contracts/ports.ts'
import type { ApprovalRequest, Approvals } from '../contracts/runs.ts'
import { exactly, oneLine } from './screen.ts'
import { duration } from './summary.ts'
import type { Ask } from './talk.ts'

/** What it is decided with. */
export type Told = Readonly<{
  approvals: Approvals
  clock: Clock
  /** Nobody is asked any more. */
  over: AbortSignal
  /** How many wait for the same person. */
  others: () => number
}>

/** How often it is looked whether a request still waits: its task may have ended. */
const LOOK_MS = 250
const NAME_WIDTH = 60

/** Asks until it is decided, or no longer to be. @returns `false` when nobody answers */
export async function interview(request: ApprovalRequest, ask: Ask, told: Told): Promise<boolean> {
  const { approvals, over } = told
  const gone = new AbortController()
  const isWaiting = async (): Promise<boolean> =>
    (await approvals.list({ runId: request.runId })).some(({ id }) => id === request.id)
  if (!(await isWaiting())) return true
  const look = setInterval(() => void isWaiting().then((waits) => waits || gone.abort()), LOOK_MS)
  const signal = AbortSignal.any([gone.signal, over])
  const talk = { request, approvals, ask: (text: string) => ask(text, signal) }
  try {
    let text = cardOf(request, told)
    for (const by of peopleOf(request)) {
      const answered = await (request.kind === 'tool' ? aboutTool(talk, by, text) : question(talk, by, text))
      if (!answered) return signal.aborted
      if (!(await isWaiting())) return true
      text = ''
    }
    return true
  } finally {
    clearInterval(look)
  }
}

/** Where anyone may answer, whoever sits there counts as one more each time. */
const peopleOf = ({ by, of }: ApprovalRequest): readonly string[] => {
  const anyone = (_: unknown, n: number): string => (n === 0 ? 'the terminal' : `the terminal, ${n + 1}`)
  return by.length > 0 ? by : Array.from({ length: of }, anyone)
}

type Talking = Readonly<{
  request: ApprovalRequest
  approvals: Approvals
  ask: (text: string) => Promise<string | undefined>
}>

/** Whether somebody has answered, whatever became of it. */
type Answered = Promise<boolean>

const aboutTool = async (talk: Talking, by: string, card: string): Answered => {
  const { request, approvals, ask } = talk
  const prompt = `Run it, as ${oneLine(by, NAME_WIDTH)}? y(es), n(o) and why, or e(dit): `
  let text = `${card}${prompt}`
  for (;;) {
    const line = await ask(text)
    if (line === undefined) return false
    const [, word = '', rest = ''] = /^\s*(\S*)\s*(.*?)\s*$/.exec(line) ?? []
    if (/^y(es)?$/i.test(word) && rest === '') {
      await approvals.approve(request.id, { by })
      return true
    }
    if (/^no?$/i.test(word)) return denied(talk, by, rest)
    const edited = /^e(dit)?$/i.test(word) ? await edit(talk, by, rest) : 'Please answer y, n or e.'
    if (typeof edited === 'boolean') return edited
    text = `${edited}\n${prompt}`
  }
}

const denied = async ({ request, approvals, ask }: Talking, by: string, given: string): Answered => {
  const reason = given || (await ask('Why? The agent is told (Enter: no reason): '))
  if (reason === undefined) return false
  await approvals.deny(request.id, { by, reason: reason.trim() || 'denied at the terminal' })
  return true
}

const EDIT_PROMPT = 'The arguments to run it with, as JSON in one line (Enter: give up): '

/**
 * Asks until the arguments fit: nobody who means to change them may come to run the old ones by a slip.
 * @returns whether somebody has answered; what is said to who gives up
 */
const edit = async (
  { request, approvals, ask }: Talking,
  by: string,
  given: string,
): Promise<boolean | string> => {
  let line = given || (await ask(EDIT_PROMPT))
  for (;;) {
    if (line === undefined) return false
    if (line.trim() === '') return 'Nothing is changed: y runs it with the arguments shown above.'
    const parsed = jsonIn(line)
    const fault = parsed
      ? await faultOf(() => approvals.edit(request.id, { by, input: parsed.value }))
      : 'That is no JSON.'
    if (fault === undefined) return true
    line = await ask(`${fault}\n${EDIT_PROMPT}`)
  }
}

const question = async ({ request, approvals, ask }: Talking, by: string, card: string): Answered => {
  const prompt = 'Your answer, or /no and why: '
  let text = `${card}${prompt}`
  for (;;) {
    const line = await ask(text)
    if (line === undefined) return false
    const [, reason] = /^\s*\/no\b\s*(.*?)\s*$/.exec(line) ?? []
    if (reason !== undefined) {
      await approvals.deny(request.id, { by, reason: reason || 'declined at the terminal' })
      return true
    }
    const fault = await answerFault(line, (output) => approvals.answer(request.id, { by, output }))
    if (fault === undefined) return true
    text = `${fault}\n${prompt}`
  }
}

/** A line is a text where the agent takes one, else JSON. */
const answerFault = async (
  line: string,
  answer: (output: unknown) => Promise<unknown>,
): Promise<string | undefined> => {
  if (line.trim() === '') return 'That is empty.'
  const asText = await faultOf(() => answer(line.trim()))
  const parsed = jsonIn(line)
  return asText === undefined || !parsed ? asText : faultOf(() => answer(parsed.value))
}

const faultOf = async (decide: () => Promise<unknown>): Promise<string | undefined> => {
  try {
    await decide()
    return undefined
  } catch (error) {
    if (!(error instanceof InvalidMessageError)) throw error
    return `That does not fit: ${describeFaults(error.faults)}`
  }
}

const jsonIn = (text: string): { value: unknown } | undefined => {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return undefined
  }
}

const cardOf = (request: ApprovalRequest, { clock, others }: Told): string => {
  const { agent, kind, name, input, by, of, deadline } = request
  const who = oneLine(agent, NAME_WIDTH)
  const what = kind === 'tool' ? `${who} wants to run ${oneLine(name, NAME_WIDTH)}` : `${who} asks a person`
  const people = by.length === 0 ? [] : [`for ${of < by.length || of > 1 ? `${of} of ` : ''}${by.join(', ')}`]
  const time = deadline === undefined ? [] : [`to be decided within ${duration(deadline - clock.now())}`]
  const queue = others() === 0 ? [] : [`${others()} more after this`]
  const terms = [...people, ...time, ...queue].map((term) => oneLine(term, NAME_WIDTH * 2))
  const last = terms.length > 0 ? [`  ${terms.join('; ')}`] : []
  return [`\n${what}`, indented(exactly(input)), ...last, ''].join('\n')
}

const indented = (text: string): string => text.replace(/^/gm, '  ')
