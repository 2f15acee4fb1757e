/**
 * The side of a store on SQLite that callers see: gathers what is asked while the thread is at work, sends it
 * as one batch, and starts another thread after one that crashed.
 */
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { ProviderError } from '../contracts/errors.ts'
import { fromFailure, type Gives, type Reply, type Request, type Start } from './sqlite-protocol.ts'

/**
 * A batch ends behind so many requests or characters, so that handing it over takes a few milliseconds at
 * most.
 */
const BATCH = { requests: 1_000, chars: 2_000_000 }

interface Waiting {
  readonly request: Request
  readonly chars: number
  readonly answer: (reply: Reply) => void
  readonly fail: (error: Error) => void
}

export class SqliteThread {
  readonly #file: string
  readonly #namespace: string
  #worker: Worker | undefined
  #first = true
  #queue: Waiting[] = []
  #sent: readonly Waiting[] = []
  #due = false

  constructor(file: string, namespace: string) {
    this.#file = file
    this.#namespace = namespace
  }

  /**
   * Requests are done in their order. What is asked in the same turn of the event loop shares one
   * transaction.
   */
  request<R extends Request>(request: R): Promise<Gives[R['type']]> {
    return new Promise((resolve, reject) => {
      const answer = (reply: Reply): void => {
        if ('failure' in reply) reject(fromFailure(reply.failure))
        else resolve(reply.given as Gives[R['type']])
      }
      this.#queue.push({ request, chars: charsOf(request), answer, fail: reject })
      this.#schedule()
    })
  }

  /** Ends the thread, however far it is. */
  async end(): Promise<void> {
    await this.#worker?.terminate()
  }

  /** Later in this turn, so that others can join. */
  #schedule(): void {
    if (this.#due || this.#sent.length > 0) return
    this.#due = true
    setImmediate(() => {
      this.#due = false
      this.#send()
    })
  }

  #send(): void {
    this.#sent = this.#take()
    const worker = (this.#worker ??= this.#start())
    // The process waits for what is asked, not for a store that is merely open.
    worker.ref()
    worker.postMessage(this.#sent.map(({ request }) => request), [])
  }

  #take(): Waiting[] {
    let chars = 0
    let end = 0
    for (const { request, chars: more } of this.#queue) {
      // The last thing that a thread does is done alone.
      if (end > 0 && (request.type === 'close' || end === BATCH.requests || chars + more > BATCH.chars)) break
      chars += more
      end += 1
    }
    return this.#queue.splice(0, end)
  }

  #start(): Worker {
    const start: Start = { file: this.#file, namespace: this.#namespace, first: this.#first }
    this.#first = false
    const worker = new Worker(new URL(`./sqlite-worker${extname(import.meta.url)}`, import.meta.url), {
      workerData: start,
      // `node:sqlite` calls itself experimental on Node 22.
      execArgv: ['--disable-warning=ExperimentalWarning'],
    })
    let cause: unknown
    worker.on('message', (replies: readonly Reply[]) => this.#answer(replies))
    worker.on('error', (error) => (cause = error))
    worker.on('exit', () => this.#crashed(cause))
    return worker
  }

  #answer(replies: readonly Reply[]): void {
    const sent = this.#sent
    this.#sent = []
    sent.forEach(({ answer }, index) => answer(replies[index] as Reply))
    if (this.#queue.length > 0) this.#schedule()
    else this.#worker?.unref()
  }

  /** What was sent may be done or not. What was not goes to the next thread. */
  #crashed(cause: unknown): void {
    const sent = this.#sent
    this.#sent = []
    this.#worker = undefined
    const message = `the thread of the store "${this.#file}" ended; whether this was done is not known`
    for (const { fail } of sent) fail(new ProviderError(message, { code: 'STORE', retryable: true, cause }))
    if (this.#queue.length > 0) this.#schedule()
  }
}

const charsOf = (request: Request): number => {
  if (request.type !== 'commit') return 0
  let chars = 0
  for (const write of request.writes) if (write.type !== 'delete') chars += write.value.length
  return chars
}
