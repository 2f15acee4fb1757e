/**
 * Who decides what agents ask people: the person at the terminal, or the flag `--approve`. Where there is
 * neither, tools are refused and said so: nothing waits for somebody who is not there.
 */
import type { ApprovalRequest } from '../contracts/runs.ts'
import type { System } from '../contracts/system.ts'
import { interview, type Told } from './interview.ts'
import type { Terminal } from './terminal.ts'

/** What is attended. */
export type Asked = Readonly<{
  system: System
  screen: Terminal
  /** Decides about tools in the place of a person. */
  approve?: 'all' | 'none' | undefined
}>

/** A question that is over so soon is left to its end: somebody else may answer then. */
const SOON_MS = 60_000

/** Decides until the returned function is called. Begin before the work does. */
export function decideApprovals({ system, screen, approve }: Asked): () => void {
  const { talk, say } = screen
  const over = new AbortController()
  const sayOnce = once(say)
  let waiting = 0

  const deny = (request: ApprovalRequest, reason: string): Promise<unknown> =>
    system.approvals.deny(request.id, { by: request.by[0] ?? 'nobody', reason })

  const absent = async (request: ApprovalRequest): Promise<void> => {
    const { agent, kind, name, deadline } = request
    if (kind === 'tool') {
      sayOnce(refused(agent, name))
      await deny(request, 'nobody can be asked here')
      return
    }
    sayOnce(nobodyAnswers(agent))
    const isSoon = deadline !== undefined && deadline - system.clock.now() <= SOON_MS
    if (!isSoon) await deny(request, 'nobody can answer here')
  }
  const { clock, approvals } = system
  const told: Told = { clock, approvals, over: over.signal, others: () => waiting }
  const decide = async (request: ApprovalRequest): Promise<void> => {
    // Its task has just put it up.
    await Promise.resolve()
    const flag = request.kind === 'tool' ? approve : undefined
    if (flag === 'none') return void (await deny(request, 'refused by --approve none'))
    if (flag === 'all') return approveFor(system, request)
    if (!talk || talk.isOver) return absent(request)
    waiting++
    const decided = await talk.open((ask) => {
      waiting--
      return interview(request, ask, told)
    })
    // The terminal is gone.
    if (!decided && !over.signal.aborted) await absent(request)
  }
  const stop = system.approvals.waiting.subscribe((request) => void decide(request))
  return () => {
    stop()
    over.abort()
    talk?.end()
  }
}

/** In the name of as many as are needed. */
const approveFor = async ({ approvals }: System, { id, by }: ApprovalRequest): Promise<void> => {
  for (const who of by) if ((await approvals.approve(id, { by: who })) !== 'recorded') return
}

const once = (say: (line: string) => void): ((line: string) => void) => {
  const said = new Set<string>()
  return (line) => {
    if (said.has(line)) return
    said.add(line)
    say(line)
  }
}

const refused = (agent: string, tool: string): string =>
  `"${agent}" asks a person whether "${tool}" may run, and nobody can be asked here: refused. ` +
  '--approve all lets it run, --approve none refuses it without a word.'

const nobodyAnswers = (agent: string): string =>
  `"${agent}" asks a person, and nobody can answer here: ` +
  'give it an `answer` function or a short `timeoutMs`.'
