/** Teams with nothing wrong, each close to something that would be: a check that cries wolf shows here. */
import { quorum } from 'troupe'
import { z } from 'zod'
import {
  agent,
  arbiter,
  auction,
  blackboard,
  consensus,
  debate,
  giving,
  human,
  join,
  named,
  orchestrator,
  parallel,
  peers,
  pipeline,
  plan,
  router,
  stage,
  taking,
  thinker,
  tool,
  tools,
  worker,
  type Made,
} from './made.ts'

const Vote = z.object({ vote: z.enum(['pay', 'deny']), reason: z.string().optional() })
const Round = z.object({ input: z.string(), round: z.int(), positions: z.record(z.string(), z.string()) })
const line = (output: z.core.$ZodType, input: z.core.$ZodType) => () =>
  pipeline('line', [giving('a', output), taking('b', input)])

/** By what looks wrong and is not. */
export const goodTeams: Readonly<Record<string, Made>> = {
  'a function alone': () => worker('a'),
  'a machine alone': () => agent('a', { machine: {} }),
  'a target for each name': () =>
    router('desk', { by: giving('by', z.enum(['a', 'b'])), to: named('a', 'b') }),
  'a decision that no schema describes': () => router('desk', { by: worker('by'), to: named('a') }),
  'names that are open, with an otherwise': () =>
    router('desk', { by: giving('by', z.string()), to: named('a'), otherwise: worker('rest') }),
  'a name without a target, with an otherwise': () =>
    router('desk', { by: giving('by', z.enum(['a', 'x'])), to: named('a'), otherwise: worker('rest') }),
  'an otherwise for what is not sure': () =>
    router('desk', {
      by: giving('by', z.object({ to: z.literal('a'), confidence: z.number() })),
      to: named('a'),
      minConfidence: 0.5,
      otherwise: worker('rest'),
    }),
  'a confidence that may be left out': () =>
    router('desk', {
      by: giving('by', z.object({ to: z.literal('a'), confidence: z.number().max(1).optional() })),
      to: named('a'),
      minConfidence: 2,
      otherwise: worker('rest'),
    }),
  'a confidence that may come with the rest': () =>
    router('desk', {
      by: giving('by', z.looseObject({ to: z.literal('a') })),
      to: named('a'),
      minConfidence: 0.5,
      otherwise: worker('rest'),
    }),
  'a router by state': () => router('desk', { to: named('a', 'b'), next: () => 'a' }),
  'a decision that is transformed': () =>
    router('desk', { by: giving('by', z.string().transform((text) => text.trim())), to: named('a') }),
  'targets that take something else, by state': () =>
    router('desk', { to: { a: taking('a', z.string()), b: taking('b', z.number()) }, next: () => 'a' }),
  'work that goes back a few times': () =>
    pipeline('book', [
      worker('write'),
      stage(worker('read'), {
        validate: () => true,
        revise: { to: 'write', max: 3 },
        fallback: worker('spare'),
      }),
    ]),
  'the same agent twice': () => {
    const again = worker('again')
    return pipeline('book', [again, stage(again, { validate: () => true })])
  },
  'the same fallback everywhere': () => {
    const spare = worker('spare')
    return parallel('team', {
      branches: { a: worker('a', { fallback: spare }), b: worker('b', { fallback: spare }) },
      join,
    })
  },
  'a branch with the key of a role': () =>
    parallel('team', { branches: named('by', 'fallback', 'otherwise'), join }),
  'a quorum of all': () => parallel('team', { branches: named('a', 'b'), need: quorum(2), join }),
  'people with a deadline': () => human('boss', { otherwise: worker('deputy') }),
  'people who have for ever': () => human('boss', { timeoutMs: Infinity }),
  'bidders without capabilities, where none is asked for': () =>
    auction('house', { bidders: named('a', 'b') }),
  'members that can do something': () =>
    peers('crew', { lead: worker('lead'), members: [worker('able', { capabilities: ['x'] })] }),
  'a lead whose tool asks for help': () =>
    peers('crew', {
      lead: thinker('lead', { tools: [worker('asker')] }),
      members: [worker('able', { capabilities: ['x'] })],
    }),
  'a plan by a model': () =>
    plan('project', {
      planner: thinker('planner', {
        output: z.array(z.object({ id: z.string(), to: z.enum(['a', 'b']), input: z.string() })),
      }),
      workers: named('a', 'b'),
      join,
    }),
  'a judge that names a branch': () =>
    arbiter('table', {
      branches: named('a', 'b'),
      claims: { a: () => [], b: () => [] },
      join,
      resolve: giving('judge', z.string()),
    }),
  'votes that overlap': () =>
    consensus('jury', {
      voters: { a: giving('a', Vote), b: giving('b', Vote.extend({ vote: z.enum(['deny', 'wait']) })) },
      otherwise: worker('judge'),
    }),
  'votes that one voter leaves open': () =>
    consensus('jury', {
      voters: { a: giving('a', Vote), b: worker('b') },
      otherwise: human('judge', {}),
    }),
  'a debate': () =>
    debate('panel', {
      peers: named('a', 'b'),
      judge: taking('judge', Round),
    }),
  'a blackboard': () =>
    blackboard('board', {
      keys: { topic: z.string() },
      start: () => ({}),
      sources: { s: { when: () => true, run: () => ({}) } },
      result: () => '',
    }),
  'eight tools': () => thinker('handy', { tools: tools(8) }),
  'each effect': () =>
    thinker('handy', {
      tools: [
        tool('a', { effect: 'once' }),
        tool('b', { effect: 'keyed' }),
        tool('c', { effect: 'idempotent' }),
      ],
    }),
  'a lead with a function and nine delegates': () =>
    orchestrator('lead', { run: () => '', delegates: named('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i') }),
  'one turn without tools': () => thinker('brief', { maxTurns: 1 }),
  'the very same schema': () => {
    const Same = z.object({ n: z.string().transform(Number).pipe(z.number()) })
    return line(Same, Same)()
  },
  'more than is needed': line(z.object({ a: z.string(), b: z.string() }), z.object({ a: z.string() })),
  'what has a default': line(
    z.object({ a: z.string() }),
    z.object({ a: z.string(), b: z.string().default('') }),
  ),
  'what is coerced': line(z.object({ n: z.string() }), z.object({ n: z.coerce.number() })),
  'what is caught': line(z.object({ n: z.string() }), z.object({ n: z.number().catch(0) })),
  'what is made ready before': line(z.number(), z.preprocess(String, z.string())),
  'one of several': line(z.union([z.string(), z.number()]), z.number()),
  'some of the names': line(z.enum(['a', 'b', 'c']), z.enum(['c', 'd'])),
  'a list that may be empty': line(z.array(z.string()), z.array(z.number())),
  'a property that may be missing': line(
    z.object({ a: z.string().optional() }),
    z.object({ a: z.number().optional() }),
  ),
  'a schema that holds itself': () => {
    const Tree: z.ZodType = z.object({
      get children() {
        return z.array(Tree)
      },
    })
    return line(Tree, Tree.meta({ id: 'Tree' }))()
  },
  'a date': line(z.date(), z.date()),
  'a transformed output': line(z.string().transform((text) => text.length), z.number()),
  'text for an agent without a contract': () => pipeline('line', [giving('a', z.number()), worker('b')]),
}
