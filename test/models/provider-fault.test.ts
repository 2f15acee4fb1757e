/** What providers say when they fail, and what we make of it. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { providerFault, retryAfter, type Complaint } from '../../src/models/provider-fault.ts'

const fault = (complaint: Partial<Complaint>): ReturnType<typeof providerFault> =>
  providerFault({ who: 'm at host', codes: [], message: 'no', ...complaint })

describe('a complaint', () => {
  it.each<[Partial<Complaint>, string, boolean]>([
    [{ status: 400 }, 'BAD_REQUEST', false],
    [{ status: 401 }, 'UNAUTHORIZED', false],
    [{ status: 402 }, 'RATE_LIMITED', false],
    [{ status: 403 }, 'UNAUTHORIZED', false],
    [{ status: 404 }, 'BAD_REQUEST', false],
    [{ status: 408 }, 'UNAVAILABLE', true],
    [{ status: 409 }, 'UNAVAILABLE', true],
    [{ status: 413 }, 'BAD_REQUEST', false],
    [{ status: 422 }, 'BAD_REQUEST', false],
    [{ status: 429 }, 'RATE_LIMITED', true],
    [{ status: 429, codes: ['insufficient_quota'] }, 'RATE_LIMITED', false],
    [{ status: 429, codes: ['billing_hard_limit_reached'] }, 'RATE_LIMITED', false],
    [{ status: 500 }, 'UNAVAILABLE', true],
    [{ status: 503 }, 'UNAVAILABLE', true],
    [{ status: 529, codes: ['overloaded_error'] }, 'UNAVAILABLE', true],
    [{ status: 400, codes: ['content_filter'] }, 'REFUSED', false],
    [{ status: 400, codes: ['context_length_exceeded'] }, 'BAD_REQUEST', false],
    // Inside of a stream there is no status.
    [{ codes: ['server_error'] }, 'UNAVAILABLE', true],
    [{ codes: ['overloaded_error'] }, 'UNAVAILABLE', true],
    [{ codes: ['rate_limit_exceeded'] }, 'RATE_LIMITED', true],
    [{ codes: ['rate_limit_error'] }, 'RATE_LIMITED', true],
    [{ codes: ['authentication_error'] }, 'UNAUTHORIZED', false],
    [{ codes: ['invalid_request_error'] }, 'BAD_REQUEST', false],
    [{ codes: [502] }, 'UNAVAILABLE', true],
    [{ codes: ['429'] }, 'RATE_LIMITED', true],
    [{ codes: [null, undefined] }, 'UNAVAILABLE', true],
    [{}, 'UNAVAILABLE', true],
  ])('%j is %s', (complaint, code, retryable) => {
    expect(fault(complaint)).toMatchObject({ code, retryable })
  })

  it.each([
    "This model's maximum context length is 8192 tokens.",
    'the request exceeds the available context size',
    'prompt is too long: 210000 tokens > 200000 maximum',
  ])('about the context is named: %s', (message) => {
    expect(fault({ status: 400, message }).message).toContain('more than its context holds')
    expect(fault({ status: 500, message }).message).not.toContain('more than its context holds')
  })

  it('is believed when it says that trying again is in vain', () => {
    const headers = new Headers({ 'x-should-retry': 'false', 'retry-after': '3' })
    expect(fault({ status: 503, headers })).toMatchObject({ retryable: false, retryAfterMs: undefined })
  })

  it('names who failed, and keeps what was said', () => {
    expect(fault({ status: 500, message: 'The server had an error' }).message).toBe(
      'm at host failed: The server had an error',
    )
  })
})

describe('the time to wait', () => {
  beforeEach(() => void vi.useFakeTimers({ now: Date.parse('2026-01-02T03:04:05Z') }))
  afterEach(() => void vi.useRealTimers())

  it.each([
    [{ 'retry-after': '7' }, 7_000],
    [{ 'retry-after': '0.25' }, 250],
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after-ms': '120', 'retry-after': '7' }, 120],
    [{ 'retry-after': 'Fri, 02 Jan 2026 03:04:35 GMT' }, 30_000],
    [{ 'retry-after': 'Fri, 02 Jan 2026 03:00:00 GMT' }, 0],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': '' }, undefined],
    [{ 'retry-after': '-5' }, undefined],
    [{}, undefined],
  ])('%j', (headers, ms) => {
    expect(retryAfter(new Headers(headers as Record<string, string>))).toBe(ms)
  })
})
