/** A request to the stub server, and the ways to answer it, good and bad. */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Api } from './stub-speech.ts'

/** A request as it came. */
export interface StubRequest {
  readonly api: Api
  readonly headers: IncomingMessage['headers']
  readonly body: Readonly<Record<string, unknown>>
  /** Resolves when the client is gone, or has its whole answer. */
  readonly gone: Promise<void>
}

/** What a fault has to do with. */
export interface Exchange {
  readonly api: Api
  readonly request: StubRequest
  /** Sends a stream. `open`: it goes on. */
  send(frames: readonly (string | Buffer)[], options?: { open: boolean }): Promise<void>
  json(status: number, body: object, headers?: Record<string, string>): void
  fail(status: number, error: object, headers?: Record<string, string>): void
  page(html: string): void
  /** As when a machine goes down. */
  reset(): void
  readonly gone: Promise<void>
  /** Whether the client is gone. */
  left(): boolean
}

/** What can be done with a request that has come. */
export const exchangeOf = (request: StubRequest, response: ServerResponse): Exchange => {
  const json: Exchange['json'] = (status, body, headers = {}) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  }
  return {
    api: request.api,
    request,
    gone: request.gone,
    json,
    fail: (status, error, headers) => json(status, { error }, headers),
    page: (html) => void response.writeHead(200, { 'content-type': 'text/html' }).end(html),
    reset: () => void response.socket?.resetAndDestroy(),
    left: () => response.destroyed,
    send: async (frames, { open } = { open: false }) => {
      if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (const text of frames) {
        if (response.destroyed) return
        if (!response.write(text)) await Promise.race([once(response, 'drain'), request.gone])
      }
      if (!open) response.end()
    },
  }
}
