/** What clashes in an arbiter, and what therefore has to wait, is refused or is undone: the rules that its machine asks. */
import type { Outcome } from '../src/contracts/errors.ts'

/** What a clash leads to; `agent`: somebody is asked who wins. */
export type ArbiterRule = 'in-turn' | 'priority' | 'merge' | 'roll-back' | 'agent'

/** The branches, and what each would use. */
export interface ArbiterInput {
  readonly rule: ArbiterRule
  readonly branches: readonly {
    readonly key: string
    /** The higher one goes first; of equals the one that is declared first. */
    readonly priority: number
    readonly claims: readonly { readonly resource: string; readonly mode: 'read' | 'write' }[]
  }[]
}

/** Two branches, the first of which is declared first, and the resources that both claim and one of them writes. */
export interface BranchClash {
  readonly between: readonly [string, string]
  readonly resources: readonly string[]
}

/**
 * A branch and how far it is.
 * - `doomed`: completed later than one that it clashes with, and not undone yet
 * - `undone`: waits to run again
 */
export interface ArbiterBranch {
  readonly key: string
  readonly state:
    'waiting' | 'refused' | 'running' | 'doomed' | 'undoing' | 'undone' | 'rerunning' | 'settled'
  readonly outcome: Outcome | undefined
}

/** All branches in the order of their declaration, and what stands between them. */
export interface ArbiterContext {
  readonly rule: ArbiterRule
  readonly branches: readonly ArbiterBranch[]
  readonly clashes: readonly BranchClash[]
  /** Who goes first, where they go in turn. */
  readonly order: readonly string[]
  /** Whose first run has completed, earliest first. */
  readonly completed: readonly string[]
  /** What somebody has been asked to decide. */
  readonly asking: BranchClash | undefined
}

type Claimed = ArbiterInput['branches'][number]

/** Every pair that claims a resource together which one of them writes. */
export const clashesOf = (branches: readonly Claimed[]): readonly BranchClash[] =>
  branches.flatMap((one, place) =>
    branches.slice(place + 1).flatMap((other) => {
      const resources = sharedBy(one, other)
      return resources.length === 0 ? [] : [{ between: [one.key, other.key] as const, resources }]
    }),
  )

const sharedBy = (one: Claimed, other: Claimed): readonly string[] => {
  const clashing = one.claims.flatMap(({ resource, mode }) =>
    other.claims.some((claim) => claim.resource === resource && (mode === 'write' || claim.mode === 'write'))
      ? [resource]
      : [],
  )
  return [...new Set(clashing)]
}

interface Rival {
  readonly branch: ArbiterBranch
  readonly clash: BranchClash
}

const rivalsOf = ({ clashes, branches }: ArbiterContext, key: string): readonly Rival[] =>
  clashes.flatMap((clash) => {
    const { between } = clash
    if (!between.includes(key)) return []
    const other = between[0] === key ? between[1] : between[0]
    return branches.flatMap((branch) => (branch.key === other ? [{ branch, clash }] : []))
  })

/** The branches with those of these keys in another state. */
export const withState = (
  { branches }: Pick<ArbiterContext, 'branches'>,
  keys: readonly string[],
  state: ArbiterBranch['state'],
): readonly ArbiterBranch[] =>
  branches.map((branch) => (keys.includes(branch.key) ? { ...branch, state } : branch))

/** Whom a branch has to wait for before it starts; one that cannot start at all waits for itself. */
export const blockersOf = (context: ArbiterContext, { key, state }: ArbiterBranch): readonly string[] => {
  if (state !== 'waiting' && state !== 'undone') return [key]
  const both = context.rule === 'merge' || context.rule === 'roll-back'
  if (state === 'waiting' && both) return []
  return rivalsOf(context, key)
    .filter(({ branch }) => holdsUp(context, branch, key))
    .map(({ branch }) => branch.key)
}

const holdsUp = ({ rule, order, completed }: ArbiterContext, rival: ArbiterBranch, key: string): boolean => {
  switch (rival.state) {
    case 'running':
    case 'rerunning':
    case 'doomed':
    case 'undoing':
      return true
    case 'waiting':
      return rule === 'agent' || order.indexOf(rival.key) < order.indexOf(key)
    case 'undone':
      return completed.indexOf(rival.key) < completed.indexOf(key)
    default:
      return false
  }
}

/** By priority: each that clashes with one before it which is not refused itself. */
export const refusalsOf = (
  context: ArbiterContext,
): readonly { readonly loser: string; readonly winner: string; readonly clash: BranchClash }[] => {
  const winners: string[] = []
  return context.order.flatMap((key) => {
    const rival = rivalsOf(context, key).find(({ branch }) => winners.includes(branch.key))
    if (rival) return [{ loser: key, winner: rival.branch.key, clash: rival.clash }]
    winners.push(key)
    return []
  })
}

/** The next clash that somebody has to decide: both are still to begin. */
export const openClash = (context: ArbiterContext): BranchClash | undefined => {
  if (context.rule !== 'agent' || context.asking) return undefined
  const waiting = context.branches.filter(({ state }) => state === 'waiting').map(({ key }) => key)
  return context.clashes.find(({ between }) => between.every((key) => waiting.includes(key)))
}

/** Where clashes are rolled back: the first that completed of those that this branch clashes with. */
export const firstRivalDone = (
  context: ArbiterContext,
  key: string,
): { readonly key: string; readonly clash: BranchClash } | undefined => {
  if (context.rule !== 'roll-back') return undefined
  const rivals = rivalsOf(context, key)
  const first = context.completed.find((done) => rivals.some(({ branch }) => branch.key === done))
  const rival = rivals.find(({ branch }) => branch.key === first)
  return rival && { key: rival.branch.key, clash: rival.clash }
}

/**
 * What can be undone now: nothing that it clashes with is at work, nor has to be undone before it, which is what
 * completed after it.
 */
export const undoable = (context: ArbiterContext): readonly ArbiterBranch[] =>
  context.branches.filter(
    ({ key, state }) =>
      state === 'doomed' && !rivalsOf(context, key).some(({ branch }) => forbidsUndo(context, branch, key)),
  )

const forbidsUndo = ({ completed }: ArbiterContext, rival: ArbiterBranch, key: string): boolean =>
  rival.state === 'running' ||
  rival.state === 'rerunning' ||
  rival.state === 'undoing' ||
  (rival.state === 'doomed' && completed.indexOf(rival.key) > completed.indexOf(key))

/** How each branch ended, in the order of declaration. */
export const resultsOf = ({ branches }: ArbiterContext): Readonly<Record<string, Outcome>> =>
  Object.fromEntries(branches.flatMap(({ key, outcome }) => (outcome ? [[key, outcome] as const] : [])))
