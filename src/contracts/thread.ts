/** One conversation: what was said before, and what the tasks that answer in it have said since. */
import type { ModelMessage } from './ports.ts'

type Messages = readonly ModelMessage[]

interface Speaker {
  readonly taskId: string
  said: () => Messages
}

const NOTHING: Messages = []

/** The run's, for its session; or that of a router, for what it hands over. */
export class Thread {
  /** What was said before, oldest first. */
  readonly history: Messages
  /** Stands for so many messages of the history from now on. */
  summary: { readonly count: number; readonly message: ModelMessage } | undefined
  /** By the order in which they came. Most conversations have one or two. */
  #speakers: Speaker[] | undefined

  constructor(history: Messages) {
    this.history = history
  }

  /** How many tasks speak. */
  get speakers(): number {
    return this.#speakers?.length ?? 0
  }

  /** What was said since, by the order in which tasks came. @param except a task that is left out */
  said(except?: string): Messages {
    if (!this.#speakers) return NOTHING
    return this.#speakers.flatMap(({ taskId, said }) => (taskId === except ? NOTHING : said()))
  }

  /**
   * Takes part. What the task says takes the place of what it said before.
   * @param said asked whenever somebody wants to know
   */
  speak(taskId: string, said: () => Messages): void {
    this.#speakers ??= []
    const known = this.#speakers.find((speaker) => speaker.taskId === taskId)
    if (known) known.said = said
    else this.#speakers.push({ taskId, said })
  }
}
