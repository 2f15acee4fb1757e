/**
 * A hub for research and development: the lead reads what a request is about and hands it over, to the
 * researcher, to the developer, or to both, one after the other. An answer that is too short or holds a
 * placeholder counts as failed: it is tried three times, then the archive answers, then a person.
 */
import { agent, DeliveryError, human, orchestrator, type Agent, type Model } from 'troupe'
import { z } from 'zod'

/** What is asked. */
export const Request = z.object({ id: z.string(), text: z.string() })
/** What is asked. */
export type Request = z.output<typeof Request>

const Answer = z.object({
  text: z
    .string()
    .min(40, 'the answer is too short')
    .refine((text) => !/\b(todo|tbd|lorem ipsum)\b|\[[^\]]*\]/i.test(text), 'it holds a placeholder'),
  by: z.string(),
})
type Answer = z.output<typeof Answer>

/** What each kind of request says. */
const words = {
  research: /\b(research|find|analy[sz]e (the )?market)\b/i,
  development: /\b(build|implement|fix (the |a )?bug)\b/i,
} as const

type Kind = keyof typeof words

const kindsOf = (text: string): Kind[] =>
  Object.entries(words).flatMap(([kind, pattern]) => (pattern.test(text) ? [kind as Kind] : []))

/** Offline a stand-in; without `answer` it waits in the inbox. */
const person = human('person', {
  input: Request,
  output: Answer,
  answer: ({ id, text }) => ({ text: `A colleague takes "${text}" and answers today, see ${id}.`, by: 'person' }),
})

const shelves: Readonly<Record<string, string>> = {
  search: 'an inverted index, ranked by BM25, has served us well since 2019',
  bikes: 'electric bikes outsell all others since 2023',
}

const archive = agent('archive', {
  description: 'What was answered before',
  input: Request,
  output: Answer,
  fallback: person,
  run: ({ text }) => {
    const found = Object.keys(shelves).find((topic) => text.toLowerCase().includes(topic))
    return { text: found ? `From the archive: ${shelves[found]}.` : 'Nothing.', by: 'archive' }
  },
})

/** What one writes of a request, given what was found before it, in which attempt. */
type Write = (text: string, found: readonly string[], attempt: number) => string

const specialist = (name: string, description: string, write: Write): Agent<Request, Answer> =>
  agent(name, {
    description,
    input: Request,
    output: Answer,
    retry: { attempts: 3, minMs: 1_000, jitter: false },
    fallback: archive,
    run: ({ text }, { handoff, attempt }) => {
      const found = (handoff?.results ?? []).flatMap(({ outcome }) =>
        outcome.status === 'completed' ? [Answer.parse(outcome.output).text] : [],
      )
      return { text: write(text, found, attempt), by: name }
    },
  })

const researches: Write = (text) => `Three sources agree on what was asked, "${text}".`
const develops: Write = (text, found) =>
  `A change with tests for "${text}"${found.map((one) => `, built on: ${one}`).join('')}`

const hub = (research: Write, development: Write) =>
  orchestrator('hub', {
    input: Request,
    output: z.array(Answer),
    delegates: {
      research: specialist('researcher', 'Finds out and analyses', research),
      development: specialist('developer', 'Builds, implements, fixes', development),
    },
    run: async (request, { delegate }) => {
      const kinds = kindsOf(request.text)
      if (kinds.length === 0) {
        throw new DeliveryError('NO_ROUTE', `neither research nor development: "${request.text}"`, request)
      }
      const answers: Answer[] = []
      // One after the other: who builds reads in its handoff what was found.
      for (const kind of kinds) answers.push(await delegate[kind](request))
      return answers
    },
  })

/** The team. */
export default hub(researches, develops)

/** The researcher needs three tries; the developer never gets beyond a placeholder. */
export const faults = hub(
  (text, found, attempt) =>
    ['Soon.', `About "${text}": [insert findings here].`][attempt - 1] ?? researches(text, found, attempt),
  (text) => `TODO: implement what was asked, "${text}".`,
)

/** The same hub, with a model in each seat. */
export const withModel = (model: Model): Agent<Request, Answer[]> => {
  const expert = (name: string, instructions: string) =>
    agent(name, {
      description: instructions,
      input: Request,
      output: Answer,
      model,
      instructions: `${instructions} Give your answer in \`text\`, and "${name}" as \`by\`.`,
      retry: { attempts: 3, minMs: 1_000 },
      fallback: archive,
    })
  return orchestrator('hub', {
    input: Request,
    output: z.array(Answer),
    delegates: {
      research: expert('researcher', 'You find out and analyse.'),
      development: expert('developer', 'You build, implement and fix.'),
    },
    model,
    instructions: 'Hand the request to whom it is for, word for word, and give the answers that you got, unchanged.',
  })
}
