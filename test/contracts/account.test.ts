/**
 * Accounts by themselves: what may be spent, what is held and set aside, and what comes back. Random trees of them are
 * compared with sums made anew from all calls after every step.
 */
import { CancelledError, type BudgetError } from 'troupe'
import { describe, expect, it } from 'vitest'
import { Account, budgetFault, type Charge, type Dimension, type Hold } from '../../src/contracts/account.ts'
import { chance, type Chance } from '../scenarios/simulation/chance.ts'

const dimensions: readonly Dimension[] = ['usd', 'tokens', 'calls']
const { signal } = new AbortController()
const charge = (given: Partial<Charge>): Charge => ({ usd: 0, tokens: 0, calls: 0, ...given })
const rootOf = (budget: Parameters<typeof Account.of>[0]): Account => {
  const account = Account.of(budget)
  if (!account) throw new Error('it caps nothing')
  return account
}
/** Held at once. */
const held = (account: Account, given: Partial<Charge>): Hold => {
  const hold = account.hold(charge(given), signal)
  if (hold instanceof Promise) throw new Error('it waits')
  return hold
}

describe('an account', () => {
  it('is there only for what calls of models use', () => {
    expect(Account.of({})).toBeUndefined()
    expect(Account.of({ hops: 3 })).toBeUndefined()
    expect(Account.of({ usd: Infinity })).toBeUndefined()
    expect(Account.of({ calls: 0 })?.left('calls')).toBe(0)
  })

  it('has what is neither spent nor held, and no more than 0 once a call has passed its cap', () => {
    const account = rootOf({ tokens: 100 })
    const hold = held(account, { tokens: 60 })
    expect([account.left('tokens'), account.left('usd')]).toEqual([40, undefined])
    hold.settle(charge({ tokens: 30 }))
    expect(account.left('tokens')).toBe(70)
    held(account, { tokens: 60 }).settle(charge({ tokens: 90 }))
    expect(account.left('tokens')).toBe(0)
    expect(() => account.hold(charge({}), signal)).toThrow(
      expect.objectContaining({ what: 'tokens', cap: 100, spent: 120 }) as Error,
    )
  })

  it('refuses a call more at once, as those in flight are as good as made', () => {
    const account = rootOf({ calls: 2 })
    held(account, { calls: 1 })
    held(account, { calls: 1 })
    const refusal = expect.objectContaining({ what: 'calls', cap: 2, spent: 2 }) as Error
    expect(() => account.hold(charge({ calls: 1 }), signal)).toThrow(refusal)
  })

  it('lets a patient one wait for them, which may turn out to be none', async () => {
    const account = rootOf({ calls: 1 })
    const first = held(account, { calls: 1 })
    const second = account.hold(charge({ calls: 1 }), signal, true)
    first.settle(charge({}))
    const third = account.hold(charge({ calls: 1 }), signal, true)
    ;(await second).settle(charge({ calls: 1 }))
    await expect(third).rejects.toMatchObject({ what: 'calls', cap: 1, spent: 1 })
  })

  it('lets a call that is larger than what is left go alone, and one that may not fit wait', async () => {
    const account = rootOf({ tokens: 100 })
    const large = held(account, { tokens: 1_000 })
    const next = account.hold(charge({ tokens: 50 }), signal)
    expect(next).toBeInstanceOf(Promise)
    large.settle(charge({ tokens: 40 }))
    ;(await next).settle(charge({ tokens: 10 }))
    expect(account.spent).toEqual(charge({ tokens: 50 }))
    expect(account.isSettled).toBe(true)
  })

  it('refuses what waits as soon as nothing is left for it', async () => {
    const account = rootOf({ tokens: 100 })
    const first = held(account, { tokens: 100 })
    const waiting = account.hold(charge({ tokens: 1 }), signal)
    first.settle(charge({ tokens: 100 }))
    await expect(waiting).rejects.toMatchObject({ what: 'tokens', cap: 100, spent: 100 })
  })

  it('forgets what waits when that is cancelled', async () => {
    const account = rootOf({ tokens: 100 })
    const first = held(account, { tokens: 100 })
    const aborter = new AbortController()
    const waiting = account.hold(charge({ tokens: 1 }), aborter.signal)
    aborter.abort(new CancelledError('enough'))
    await expect(waiting).rejects.toEqual(new CancelledError('enough'))
    first.settle(charge({}))
    expect(account.isSettled).toBe(true)
    expect(() => account.hold(charge({}), aborter.signal)).toThrow(CancelledError)
  })

  it('adds money without crumbs', () => {
    const account = rootOf({ usd: 1 })
    for (let n = 0; n < 10; n += 1) held(account, { usd: 0.1 }).settle(charge({ usd: 0.1 }))
    expect(account.spent.usd).toBe(1)
    expect(() => account.hold(charge({}), signal)).toThrow(expect.objectContaining({ what: 'usd' }) as Error)
  })
})

describe('a share', () => {
  const sharesOf = (account: Account, weights: readonly number[], dimension: Dimension) =>
    account.divide(weights).map((share) => share.left(dimension))

  it('is even or by weight, and the first ones get the odd ones', () => {
    expect(sharesOf(rootOf({ calls: 10 }), [1, 1, 1], 'calls')).toEqual([4, 3, 3])
    expect(sharesOf(rootOf({ calls: 2 }), [1, 1, 1], 'calls')).toEqual([1, 1, 0])
    expect(sharesOf(rootOf({ tokens: 100 }), [3, 1, 0], 'tokens')).toEqual([75, 25, 0])
    expect(sharesOf(rootOf({ usd: 0.3 }), [1, 1, 1], 'usd')).toEqual([0.1, 0.1, 0.1])
    expect(sharesOf(rootOf({ usd: 0.3 }), [1, 2], 'tokens')).toEqual([undefined, undefined])
  })

  it('is nobody else’s until it is closed, and then what it has not used is everybody’s', () => {
    const account = rootOf({ tokens: 100 })
    const [a, b] = account.divide([1, 1]) as [Account, Account]
    expect([account, a, b].map((each) => each.left('tokens'))).toEqual([0, 50, 50])
    expect(() => account.hold(charge({ tokens: 1 }), signal)).toThrow('100')
    held(a, { tokens: 20 }).settle(charge({ tokens: 10 }))
    const late = held(a, { tokens: 15 })
    a.close()
    expect([account, b].map((each) => each.left('tokens'))).toEqual([25, 50])
    late.settle(charge({ tokens: 5 }))
    b.close()
    b.close()
    expect(account.left('tokens')).toBe(85)
    expect(account.isSettled).toBe(true)
  })

  it('divides what is left, of caps above it as well', () => {
    const account = rootOf({ calls: 10 })
    held(account, { calls: 1 })
    held(account, { calls: 1 }).settle(charge({ calls: 1 }))
    const below = Account.below(account, { calls: 20 }, 0)
    expect(sharesOf(below, [1, 1], 'calls')).toEqual([4, 4])
    expect(account.left('calls')).toBe(0)
  })
})

it.each([
  [{ usd: -1 }, 'number from 0, not -1'],
  [{ calls: NaN }, 'not NaN'],
  [{ tokens: '5' }, 'not "5"'],
  [{ ms: 5 }, 'time is capped by `timeoutMs`'],
  [{ eur: 5 }, 'there are: usd, tokens, calls, hops'],
])('what is no budget is told so: %j', (budget, text) => {
  expect(budgetFault(budget as never, 'a run')?.message).toContain(text)
})
it('what is a budget is not', () => {
  expect(budgetFault({ usd: 0, tokens: Infinity, calls: undefined, hops: 2 }, 'a run')).toBeUndefined()
})

/** An account and what a test knows of it. */
interface Node {
  readonly account: Account
  readonly parent: Node | undefined
  readonly caps: Partial<Charge>
  readonly children: Node[]
  readonly calls: Call[]
  isShare: boolean
}

interface Call {
  readonly node: Node
  readonly estimate: Charge
  readonly isPatient: boolean
  readonly used: Charge
  readonly aborter: AbortController
  state: 'waiting' | 'in flight' | 'over'
  hold?: Hold
}

/** Without crumbs. */
const cut = (sum: number): number => Math.round(sum * 1e12) / 1e12
// Much faster than `expect`, of which there would be millions.
const same = (actual: unknown, expected: unknown, what: string): void => {
  if (actual !== expected) expect({ [what]: actual }).toEqual({ [what]: expected })
}

const sumOf = (node: Node, of: (call: Call) => number): number =>
  node.calls.reduce((sum, call) => sum + of(call), 0) +
  node.children.reduce((sum, child) => sum + sumOf(child, of), 0)
const spentBy = (node: Node, what: Dimension) =>
  sumOf(node, ({ state, used }) => (state === 'over' ? used[what] : 0))
const heldBy = (node: Node, what: Dimension) =>
  sumOf(node, ({ state, estimate }) => (state === 'in flight' ? estimate[what] : 0))
const inFlight = (node: Node) => sumOf(node, ({ state }) => (state === 'in flight' ? 1 : 0))
const isShareOf = ({ isShare, caps }: Node, what: Dimension) => isShare && caps[what] !== undefined
const setAsideBy = (node: Node, what: Dimension): number =>
  node.children.reduce((sum, child) => {
    if (!isShareOf(child, what)) return sum + setAsideBy(child, what)
    return sum + Math.max(0, (child.caps[what] ?? 0) - spentBy(child, what) - heldBy(child, what))
  }, 0)

type Verdict = 'begins' | 'waits' | `refused: ${Dimension}`

/** By the rules, with all sums made anew. */
const verdictOn = ({ node, estimate, isPatient }: Call): Verdict => {
  let waits = false
  for (const what of dimensions) {
    let isGiven = false
    for (let at: Node | undefined = node; at; at = at.parent) {
      const cap = at.caps[what]
      if (cap !== undefined) {
        const gone = cut(spentBy(at, what) + (isGiven ? 0 : setAsideBy(at, what)))
        const mine = isGiven ? 0 : heldBy(at, what)
        const made = gone + (isPatient ? 0 : mine)
        if (what === 'calls' ? made + 1 > cap : gone >= cap) return `refused: ${what}`
        if (!isGiven && cut(gone + mine + estimate[what]) > cap && inFlight(at) > 0) waits = true
      }
      isGiven ||= isShareOf(at, what)
    }
  }
  return waits ? 'waits' : 'begins'
}

/** A run of random tasks, of which some have caps or shares, and all call models. */
class Tree {
  readonly random: Chance
  readonly root: Node
  readonly nodes: Node[] = []
  readonly calls: Call[] = []
  /** How far each cap may be passed: by what was in flight when it was reached. */
  readonly #allowed = new Map<string, number>()

  constructor(random: Chance) {
    this.random = random
    const caps = this.#caps()
    this.root = this.#node(rootOf(caps), undefined, caps)
  }

  step(): void {
    const move = this.random.below(10)
    if (move < 5) this.#call()
    else if (move < 7) this.#settle(this.random.often(0.2))
    else if (move === 7) this.#below()
    else if (move === 8) this.#divide()
    else this.#close(this.random.oneOf(this.nodes))
  }

  /** One thing less that is going on; `false`: nothing is. */
  end(): boolean {
    const open = this.nodes.filter(({ isShare }) => isShare)
    const going = this.calls.filter(({ state }) => state !== 'over')
    if (open.length + going.length === 0) return false
    if (going.length === 0 || (open.length > 0 && this.random.often(0.3))) this.#close(this.random.oneOf(open))
    else this.#settle(this.random.often(0.5))
    return true
  }

  check(): void {
    for (const call of this.calls)
      if (call.state === 'waiting') same(verdictOn(call), 'waits', 'a call that waits')
    const sums = this.#sums()
    for (const node of this.nodes) {
      const { spent } = node.account
      const known = sums.get(node)
      for (const what of dimensions) {
        same(spent[what], known?.[what], `spent ${what}`)
        const over = cut(spent[what] - (node.caps[what] ?? Infinity))
        const allowed = over > 0 ? (this.#allowed.get(this.#key(node, what)) ?? 0) : 0
        if (over > allowed) same(over, allowed, `passed ${what}`)
      }
    }
  }

  /** What was spent, made anew from all calls. */
  #sums(): Map<Node, Record<Dimension, number>> {
    const sums = new Map(this.nodes.map((node) => [node, { usd: 0, tokens: 0, calls: 0 }]))
    for (const { node, used, state, hold } of this.calls) {
      if (state !== 'over' || !hold) continue
      for (let at: Node | undefined = node; at; at = at.parent) {
        const sum = sums.get(at)
        if (sum) for (const what of dimensions) sum[what] += used[what]
      }
    }
    return sums
  }

  #key(node: Node, what: Dimension): string {
    return `${this.nodes.indexOf(node)} ${what}`
  }

  #caps(): Partial<Charge> {
    const { random } = this
    const caps: { -readonly [D in Dimension]?: number } = {}
    if (random.often(0.5)) caps.usd = random.below(12) / 4
    if (random.often(0.6)) caps.tokens = random.below(200)
    if (random.often(0.6) || Object.keys(caps).length === 0) caps.calls = random.below(8)
    return caps
  }

  #node(account: Account, parent: Node | undefined, caps: Partial<Charge>, isShare = false): Node {
    const node = { account, parent, caps, children: [], calls: [], isShare }
    parent?.children.push(node)
    this.nodes.push(node)
    return node
  }

  #call(): void {
    const { random } = this
    const node = random.oneOf(this.nodes)
    const some = (calls: number): Charge => ({ usd: random.below(4) / 4, tokens: random.below(60), calls })
    const call: Call = {
      node,
      estimate: some(1),
      isPatient: random.often(0.3),
      // Now and then a cache has it after all.
      used: random.often(0.1) ? charge({}) : some(1),
      aborter: new AbortController(),
      state: 'waiting',
    }
    const expected = verdictOn(call)
    this.calls.push(call)
    try {
      const hold = node.account.hold(call.estimate, call.aborter.signal, call.isPatient)
      same(hold instanceof Promise ? 'waits' : 'begins', expected, 'a call')
      node.calls.push(call)
      if (hold instanceof Promise) this.#await(call, hold)
      else this.#begun(call, hold)
    } catch (thrown) {
      call.state = 'over'
      if (!(thrown as BudgetError).what) throw thrown
      same(`refused: ${(thrown as BudgetError).what}`, expected, 'a call')
    }
  }

  #await(call: Call, hold: Promise<Hold>): void {
    const what = 'a call that has waited'
    const begun = (granted: Hold): void => {
      same(verdictOn(call), 'begins', what)
      this.#begun(call, granted)
    }
    const refused = (thrown: unknown): void => {
      if (!call.aborter.signal.aborted) same(`refused: ${(thrown as BudgetError).what}`, verdictOn(call), what)
      this.#drop(call)
    }
    hold.then(begun, refused)
  }

  #begun(call: Call, hold: Hold): void {
    call.state = 'in flight'
    call.hold = hold
  }

  /** It never began. */
  #drop(call: Call): void {
    call.state = 'over'
    call.node.calls.splice(call.node.calls.indexOf(call), 1)
  }

  #settle(isCancelled: boolean): void {
    const going = this.calls.filter(({ state }) => state !== 'over')
    if (going.length === 0) return
    const call = this.random.oneOf(going)
    if (call.state === 'waiting') {
      if (isCancelled) call.aborter.abort(new CancelledError('not needed'))
      return
    }
    this.#allow(call)
    call.state = 'over'
    call.hold?.settle(call.used)
    call.hold?.settle(call.used)
  }

  /** Where this call reaches a cap, it and the others in flight may pass it. */
  #allow(call: Call): void {
    for (let at: Node | undefined = call.node; at; at = at.parent)
      for (const what of dimensions) {
        const cap = at.caps[what]
        const key = this.#key(at, what)
        if (cap === undefined || this.#allowed.has(key)) continue
        if (spentBy(at, what) + call.used[what] < cap) continue
        this.#allowed.set(key, sumOf(at, ({ state, used }) => (state === 'in flight' ? used[what] : 0)))
      }
  }

  #below(): void {
    if (this.nodes.length > 7) return
    const parent = this.random.oneOf(this.nodes)
    const caps = this.#caps()
    this.#node(Account.below(parent.account, caps, 0), parent, caps)
  }

  #divide(): void {
    if (this.nodes.length > 6) return
    const parent = this.random.oneOf(this.nodes)
    const weights = [1, this.random.below(3), this.random.below(2)].slice(0, this.random.between(1, 3))
    const before = dimensions.map((what) => parent.account.left(what))
    const shares = parent.account.divide(weights)
    for (const account of shares) {
      const caps: { -readonly [D in Dimension]?: number } = {}
      for (const what of dimensions) {
        const left = account.left(what)
        if (before[dimensions.indexOf(what)] !== undefined && left !== undefined) caps[what] = left
      }
      this.#node(account, parent, caps, true)
    }
    for (const [place, what] of dimensions.entries()) {
      const given = shares.reduce((sum, share) => sum + (share.left(what) ?? 0), 0)
      if (before[place] !== undefined) same(cut(given), cut(before[place]), `given ${what}`)
    }
  }

  #close(node: Node): void {
    node.isShare = false
    node.account.close()
  }
}

const TREES = 100_000
/** Awaited, it lets what waits learn of what was decided. */
const reactions = Promise.resolve()

it(`passes no cap by more than was in flight, and holds nothing in the end, in ${TREES} random trees`, async () => {
  const seed = process.env['BUDGET_SEED'] ?? 'budgets'
  const seen = { waited: 0, refused: 0, passed: 0, shares: 0 }
  for (let n = 0; n < TREES; n += 1) {
    const name = `${seed}-${n}`
    const tree = new Tree(chance(name))
    try {
      for (let step = tree.random.between(4, 16); step > 0; step -= 1) {
        tree.step()
        await reactions
        tree.check()
      }
      seen.waited += tree.calls.filter(({ state }) => state === 'waiting').length
      seen.shares += tree.nodes.filter(({ isShare }) => isShare).length
      while (tree.end()) {
        await reactions
        tree.check()
      }
      for (const { account } of tree.nodes) same(account.isSettled, true, 'settled')
      const { account, caps } = tree.root
      for (const what of dimensions) {
        const cap = caps[what]
        if (cap !== undefined) same(account.left(what), Math.max(0, cap - account.spent[what]), `left ${what}`)
        if (cap !== undefined && account.spent[what] > cap) seen.passed += 1
      }
      seen.refused += tree.calls.filter(({ hold }) => !hold).length
    } catch (thrown) {
      throw new Error(`seed ${name} (set BUDGET_SEED for others)`, { cause: thrown })
    }
  }
  console.log(`seed ${seed}:`, seen)
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(1_000)
}, 300_000)
