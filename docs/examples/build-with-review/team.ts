/**
 * Build with review: a lead has notes collected and an article written from them, has it reviewed, sends it
 * back with what is wrong, and gives it to somebody else when that does not help. A writer that fails twice
 * is replaced by its backup.
 */
import { agent, DeniedError, orchestrator, ProviderError, type Agent, type Model } from 'troupe'
import { z } from 'zod'

/** What is to be written about. */
export const Topic = z.object({ id: z.string(), topic: z.string(), mostWords: z.int().positive() })
/** What is to be written about. */
export type Topic = z.output<typeof Topic>

const Note = z.object({ claim: z.string(), source: z.string() })
const Order = z.object({
  topic: z.string(),
  notes: z.array(Note),
  mostWords: z.int(),
  /** The draft that was sent back, and what is wrong with it. */
  draft: z.string().optional(),
  faults: z.array(z.string()).default([]),
})
type Order = z.output<typeof Order>
const Draft = z.object({ text: z.string().min(1), by: z.string() })

/** What comes of it. */
const Article = z.object({ text: z.string(), by: z.string(), drafts: z.int() })
type Article = z.output<typeof Article>

const known: Readonly<Record<string, readonly z.output<typeof Note>[]>> = {
  tea: [
    { claim: 'Tea is picked by hand', source: 'Tea Board' },
    { claim: 'Green tea is not fermented', source: 'Leaf Atlas' },
  ],
  trams: [
    { claim: 'Trams run on rails', source: 'City Lines' },
    { claim: 'The first electric one ran in 1881', source: 'Rail Almanac' },
    { claim: 'Most cities gave them up and many regret it', source: 'City Lines' },
  ],
}

const research = agent('researcher', {
  description: 'Collects notes on a topic: claims, each with its source',
  output: z.array(Note).min(1, 'nothing is known of it'),
  run: (topic: string) => [...(known[topic] ?? [])],
})

const plain = ({ notes }: Order): string => notes.map(({ claim }) => `${claim}.`).join(' ')
const sourced = ({ notes }: Order): string => notes.map(({ claim, source }) => `${claim} (${source}).`).join(' ')

type Writer = Agent<z.input<typeof Order>, z.output<typeof Draft>>

const writer = (name: string, description: string, write: (order: Order) => string): Writer =>
  agent(name, { description, input: Order, output: Draft, run: (order) => ({ text: write(order), by: name }) })

/** Adds sources when it is told to, and cannot be brief. */
const writes = (order: Order): string => (order.faults.length > 0 ? sourced(order) : plain(order))
/** As many claims as there is room for, but at least one. */
const shortens = ({ notes, ...order }: Order): string => {
  const fits = notes.map((_, i) => sourced({ ...order, notes: notes.slice(0, i + 1) }))
  return fits.findLast((text) => wordsIn(text) <= order.mostWords) ?? fits[0] ?? ''
}
const wordsIn = (text: string): number => text.split(' ').length

const review = agent('reviewer', {
  description: 'Reads a draft against its order, and names its faults',
  input: Order.extend({ draft: z.string() }),
  output: z.array(z.string()),
  run: ({ draft, notes, mostWords }) => [
    ...notes
      .filter(({ claim, source }) => draft.includes(claim) && !draft.includes(source))
      .map(({ claim }) => `"${claim}" has no source`),
    ...(wordsIn(draft) > mostWords ? [`${wordsIn(draft)} words, where ${mostWords} are the most`] : []),
  ],
})

const editor = writer('editor', 'Shortens a draft that its writer could not mend', shortens)

/** Two tries, then its backup. */
const write = (work: (order: Order) => string): Writer =>
  agent('writer', {
    description: 'Writes an article from notes, and mends its faults',
    input: Order,
    output: Draft,
    retry: { attempts: 2, minMs: 1_000, jitter: false },
    fallback: writer('ghostwriter', 'Stands in for the writer', writes),
    run: (order) => ({ text: work(order), by: 'writer' }),
  })

const desk = (work: (order: Order) => string) =>
  orchestrator('desk', {
    input: Topic,
    output: Article,
    delegates: { research, write: write(work), edit: editor, review },
    run: async ({ topic, mostWords }, { delegate }) => {
      const order = { topic, mostWords, notes: await delegate.research(topic) }
      let draft = await delegate.write(order)
      let drafts = 1
      let faults = await delegate.review({ ...order, draft: draft.text })
      // Sent back once, then given to somebody else.
      for (const next of [delegate.write, delegate.edit]) {
        if (faults.length === 0) break
        draft = await next({ ...order, draft: draft.text, faults })
        drafts += 1
        faults = await delegate.review({ ...order, draft: draft.text })
      }
      if (faults.length > 0) throw new DeniedError(`the review still finds: ${faults.join('; ')}`)
      return { ...draft, drafts }
    },
  })

/** The team. */
export default desk(writes)

/** The writer is down, and its backup stands in. */
export const faults = desk(() => {
  throw new ProviderError('the writer is down', { code: 'UNAVAILABLE', retryable: true })
})

/** The same desk, led by a model, which has the others as tools. */
export const withModel = (model: Model): Agent<Topic, Article> =>
  orchestrator('desk', {
    input: Topic,
    output: Article,
    delegates: { research, write: write(writes), edit: editor, review },
    model,
    instructions: [
      'Have notes collected and an article written from them. Have every draft reviewed.',
      'Send it back with its faults once; if it still has some, give it to the editor.',
      'Give the text as it is once the review finds nothing.',
    ].join(' '),
  })
