/**
 * Every example that can take a model, as it is, by the command against a server: `--model`, `--base-url`,
 * `--api`. What the server says fits what it is asked and makes no sense, so that some records fail, by name.
 */
import { globSync, readFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Result } from '../../src/cli/result.ts'
import { stubServer, type StubServer } from '../models/stub-server.ts'
import { troupeRun } from '../scenarios/command.ts'
import { root } from '../tools.ts'

const seed = Number(process.env['SEED'] ?? 1)

const takesModel = /^export (?:const|(?:async )?function) withModel\b/m
const examples = globSync('docs/examples/*/team.ts', { cwd: root })
  .filter((file) => takesModel.test(readFileSync(root + file, 'utf8')))
  .map((file) => basename(dirname(file)))
  .toSorted()

const runs = examples.flatMap((name) => [[name, 'responses'] as const, [name, 'chat'] as const])

const ENDS = ['completed', 'failed', 'rejected', 'exhausted', 'cancelled', 'unknown']

describe(`examples with a model, seed ${seed}`, () => {
  const all: Result[] = []
  let server: StubServer
  beforeAll(async () => void (server = await stubServer({ seed })))
  afterAll(() => server[Symbol.asyncDispose]())

  it.concurrent.each(runs)(
    '%s ends each record in a named outcome, by the API %s',
    async (name, api) => {
      const { code, results } = await troupeRun(
        name,
        ...['--model', 'openai:stub', '--api', api, '--base-url', server.url, '--limit', '12'],
      )

      const ended = results.map(({ outcome }) => outcome.status)
      expect(ended).not.toEqual([])
      expect(ENDS).toEqual(expect.arrayContaining(ended))
      expect(code).toBe(ended.every((status) => status === 'completed') ? 0 : 1)
      // A bug would be a defect.
      const errors = results.flatMap(({ outcome }) => ('error' in outcome ? [outcome.error] : []))
      expect(errors.filter((error) => error.code === 'DEFECT')).toEqual([])
      all.push(...results)
    },
    60_000,
  )

  it('completes most of them, and each API was asked', () => {
    const completed = all.filter(({ outcome }) => outcome.status === 'completed')
    expect(completed.length).toBeGreaterThan(all.length / 2)
    expect(new Set(server.requests.map(({ api }) => api))).toEqual(new Set(['responses', 'chat']))
  })
})
