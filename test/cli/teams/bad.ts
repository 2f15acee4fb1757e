/** Teams with one thing wrong each, and what `troupe check` has to say of it. */
import { quorum } from 'troupe'
import { z } from 'zod'
import { standInModel } from '../../../src/cli/stand-in-model.ts'
import {
  arbiter,
  auction,
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

/** The finding: about which agent, of what kind, in which words, and the way out. */
export interface Expected {
  readonly kind: string
  readonly agent: string
  readonly problem: RegExp
  readonly wayOut: RegExp
}

const Vote = (...votes: [string, ...string[]]) => z.object({ vote: z.enum(votes) })
const Sub = (...to: [string, ...string[]]) =>
  z.array(z.object({ id: z.string(), to: z.enum(to), input: z.string() }))
const claims = { a: () => [], b: () => [] }
const nine = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']

const because = (kind: string, agent: string, problem: RegExp, wayOut: RegExp): Expected => ({
  kind,
  agent,
  problem,
  wayOut,
})

/** By what is wrong. */
export const badTeams: Readonly<Record<string, readonly [Made, Expected]>> = {
  'a decision without a target': [
    () => router('desk', { by: giving('by', z.enum(['a', 'b', 'c'])), to: named('a', 'b') }),
    because('missing-target', 'desk', /"by" can name "c"/, /add `c` to `to`, or give `otherwise`/),
  ],
  'a decision of several kinds without a target': [
    () =>
      router('desk', {
        by: giving('by', z.union([z.literal('a'), z.object({ to: z.literal('x'), reason: z.string() })])),
        to: named('a'),
      }),
    because('missing-target', 'desk', /"by" can name "x"/, /add `x` to `to`/),
  ],
  'any name, and nothing for names that are no target': [
    () => router('desk', { by: giving('by', z.object({ to: z.string() })), to: named('a') }),
    because('missing-target', 'desk', /"by" can name anything/, /give `otherwise`/),
  ],
  'a model that names anything, and nothing for names that are no target': [
    () => router('desk', { by: thinker('by'), to: named('a') }),
    because('missing-target', 'desk', /"by" can name anything/, /z\.enum/),
  ],
  'a decision of another team without a target': [
    () =>
      router('desk', {
        by: pipeline('by', [worker('read'), giving('choose', z.enum(['a', 'b']))]),
        to: named('a'),
      }),
    because('missing-target', 'desk', /"by" can name "b"/, /add `b`/),
  ],
  'a target that nothing can name': [
    () => router('desk', { by: giving('by', z.enum(['a', 'b'])), to: named('a', 'b', 'lonely') }),
    because('unreachable-agent', 'desk', /"lonely" is never reached/, /add "lonely" to the output of "by"/),
  ],
  'an otherwise for no other case': [
    () =>
      router('desk', {
        by: giving('by', z.enum(['a', 'b'])),
        to: named('a', 'b'),
        otherwise: worker('rest'),
      }),
    because('unreachable-agent', 'desk', /"rest" is never reached/, /take `otherwise` out/),
  ],
  'a confidence below which nothing can be, since none is given': [
    () =>
      router('desk', {
        by: giving('by', z.object({ to: z.literal('a'), reason: z.string() })),
        to: named('a'),
        minConfidence: 0.7,
        otherwise: worker('rest'),
      }),
    because('unreachable-agent', 'desk', /"rest" is never reached/, /a confidence with each decision/),
  ],
  'a confidence above what is possible': [
    () =>
      router('desk', {
        by: giving('by', z.object({ to: z.literal('a'), confidence: z.number().min(0).max(1) })),
        to: named('a'),
        minConfidence: 70,
        otherwise: worker('rest'),
      }),
    because(
      'unreachable-agent',
      'desk',
      /"by" is never surer than 1, and `minConfidence` is 70/,
      /lower `minConfidence` to 1/,
    ),
  ],
  'an otherwise behind people who have for ever': [
    () => human('boss', { timeoutMs: Infinity, otherwise: worker('deputy') }),
    because('unreachable-agent', 'boss', /"deputy" is never reached/, /give `timeoutMs`/),
  ],
  'a bidder that can do nothing': [
    () =>
      auction('house', {
        bidders: { able: worker('able', { capabilities: ['draw'] }), idle: worker('idle') },
        capability: () => 'draw',
      }),
    because('unreachable-agent', 'house', /"idle" is never called for bids/, /`capabilities`/),
  ],
  'a member that can do nothing': [
    () =>
      peers('crew', {
        lead: worker('lead'),
        members: [worker('able', { capabilities: ['x'] }), worker('idle')],
      }),
    because('unreachable-agent', 'crew', /"idle" can never be asked for help/, /`capabilities`/),
  ],
  'members whom nobody can ask': [
    () => peers('crew', { lead: thinker('lead'), members: [worker('able', { capabilities: ['x'] })] }),
    because(
      'unreachable-agent',
      'crew',
      /"able" can never be asked for help, since only a function/,
      /a `run`/,
    ),
  ],
  'delegates of a model that has one turn': [
    () => orchestrator('lead', { model: standInModel, maxTurns: 1, delegates: named('a') }),
    because(
      'unreachable-agent',
      'lead',
      /"a" can never be called, since `maxTurns` is 1/,
      /raise `maxTurns`/,
    ),
  ],
  'a worker that no plan names': [
    () =>
      plan('project', { planner: giving('planner', Sub('build')), workers: named('build', 'test'), join }),
    because(
      'unreachable-agent',
      'project',
      /"test" is never reached/,
      /add "test" to the output of "planner"/,
    ),
  ],
  'a plan for a worker that is missing': [
    () =>
      plan('project', { planner: giving('planner', Sub('build', 'paint')), workers: named('build'), join }),
    because('missing-target', 'project', /"planner" can plan for "paint"/, /add `paint` to `workers`/),
  ],
  'a judge that names who is no branch': [
    () =>
      arbiter('table', {
        branches: named('a', 'b'),
        claims,
        join,
        resolve: giving('judge', z.enum(['a', 'b', 'c'])),
      }),
    because('missing-target', 'table', /"judge" can name "c" as the winner/, /take "c" out/),
  ],
  'a target that is none': [
    () => router('desk', { by: giving('by', z.enum(['a', 'b'])), to: { ...named('a'), b: undefined } }),
    because('invalid-definition', 'desk', /its target "b" is undefined/, /give it what `agent`/),
  ],
  'work that goes back for ever': [
    () =>
      pipeline('book', [
        worker('write'),
        stage(worker('read'), { validate: () => true, revise: { to: 'write', max: Infinity } }),
      ]),
    because('unbounded-cycle', 'book', /"read" may send work back to "write" for ever/, /`revise\.max`/),
  ],
  'turns for ever': [
    () => thinker('talker', { maxTurns: Infinity, tools: tools(1) }),
    because('unbounded-cycle', 'talker', /call tools for ever/, /`maxTurns`/),
  ],
  'attempts for ever': [
    () => pipeline('book', [worker('write', { retry: { attempts: Infinity } })]),
    because('unbounded-cycle', 'write', /try for ever/, /`retry\.attempts`/),
  ],
  'voters that can never agree': [
    () =>
      consensus('jury', {
        voters: { a: giving('a', Vote('pay', 'deny')), b: giving('b', Vote('yes', 'no')) },
        otherwise: worker('judge'),
      }),
    because('unmeetable-join', 'jury', /2 votes have to agree/, /choose among the same votes/),
  ],
  'a majority that cannot come about': [
    () =>
      consensus('jury', {
        voters: {
          a: giving('a', Vote('x')),
          b: giving('b', Vote('y')),
          c: giving('c', Vote('z', 'x').or(Vote('q'))),
          d: giving('d', Vote('y')),
        },
        rule: 'majority',
        otherwise: worker('judge'),
      }),
    because('unmeetable-join', 'jury', /3 votes have to agree/, /lower `rule`/),
  ],
  'a quorum of more than there are branches': [
    () => parallel('team', { branches: named('a', 'b'), need: quorum(3), join }),
    because('invalid-definition', 'team', /has 2 branches, and needs 3 to complete/, /from 1 to 2/),
  ],
  'a quorum of more than there are voters': [
    () => consensus('jury', { voters: named('a'), rule: quorum(3), otherwise: worker('judge') }),
    because('invalid-definition', 'jury', /has 1 voter, and needs 3 to agree/, /the quorum may be 1$/),
  ],
  'more answers than people': [
    () => human('board', { by: ['ann', 'bob'], of: 3 }),
    because('invalid-definition', 'board', /3 cannot answer, of 2 who may/, /name more in `by`/),
  ],
  'a need that is none': [
    () => parallel('team', { branches: named('a', 'b'), need: 'most', join }),
    because('unmeetable-join', 'team', /`need` is "most"/, /quorum\(n\)/),
  ],
  'work sent back to a stage that is missing': [
    () =>
      pipeline('book', [
        worker('write'),
        stage(worker('read'), { validate: () => true, revise: { to: 'draft' } }),
      ]),
    because('invalid-definition', 'book', /names "draft"/, /it may name "write", "read"/),
  ],
  'text where an object is taken': [
    () => pipeline('line', [giving('a', z.string()), taking('b', z.object({ text: z.string() }))]),
    because(
      'contract-mismatch',
      'line',
      /"a" gives text, and "b" takes an object/,
      /put a stage between them/,
    ),
  ],
  'the text of a model where a number is taken': [
    () => pipeline('line', [thinker('a'), taking('b', z.number())]),
    because('contract-mismatch', 'line', /"a" gives text, and "b" takes a number/, /output of "a"/),
  ],
  'an object without what is needed': [
    () =>
      pipeline('line', [
        giving('a', z.object({ id: z.string() })),
        taking('b', z.object({ id: z.string(), title: z.string() })),
      ]),
    because(
      'contract-mismatch',
      'line',
      /"b" wants text at `title`, which "a" does not give/,
      /the same there/,
    ),
  ],
  'another type deep inside': [
    () =>
      pipeline('line', [
        giving('a', z.object({ order: z.object({ lines: z.array(z.object({ eur: z.string() })).min(1) }) })),
        taking('b', z.object({ order: z.object({ lines: z.array(z.object({ eur: z.number() })) }) })),
      ]),
    because('contract-mismatch', 'line', /at `order\.lines\.0\.eur`/, /the same there/),
  ],
  'a route whose answer does not fit the next stage': [
    () =>
      pipeline('line', [
        router('pick', {
          by: giving('by', z.enum(['x', 'y'])),
          to: { x: giving('x', z.number()), y: giving('y', z.string()) },
        }),
        taking('b', z.number()),
      ]),
    because('contract-mismatch', 'line', /"y" gives text, and "b" takes a number/, /output of "y"/),
  ],
  'branches that no input fits': [
    () =>
      parallel('team', {
        branches: { a: taking('a', z.string()), b: taking('b', z.object({ n: z.number() })) },
        join,
      }),
    because('contract-mismatch', 'team', /"a" and "b" get the same input/, /the same there/),
  ],
  'branches that want what the other one does not take': [
    () =>
      parallel('team', {
        branches: {
          a: taking('a', z.strictObject({ id: z.string() })),
          b: taking('b', z.object({ id: z.string(), n: z.number() })),
        },
        join,
      }),
    because('contract-mismatch', 'team', /"b" wants a number at `n`, which "a" does not take/, /the same there/),
  ],
  'more than is taken': [
    () =>
      pipeline('line', [
        giving('a', z.object({ id: z.string(), n: z.number() })),
        taking('b', z.strictObject({ id: z.string() })),
      ]),
    because(
      'contract-mismatch',
      'line',
      /"a" gives a number at `n`, which "b" does not take/,
      /the same there/,
    ),
  ],
  'a fallback that takes something else': [
    () => taking('main', z.object({ n: z.number() }), { fallback: taking('spare', z.string()) }),
    because('contract-mismatch', 'main', /"main" and "spare" get the same input/, /"spare"/),
  ],
  'a fallback that gives something else': [
    () =>
      giving('main', z.object({ n: z.number() }), { fallback: giving('spare', z.object({ m: z.number() })) }),
    because('contract-mismatch', 'main', /"main" wants a number at `n`, which "spare" does not give/, /output of "spare"/),
  ],
  'a fallback of a stage that gives something else': [
    () =>
      pipeline('line', [
        stage(giving('a', z.string()), { fallback: giving('spare', z.number()) }),
        taking('b', z.string()),
      ]),
    because('contract-mismatch', 'line', /"spare" gives a number, and "b" takes text/, /output of "spare"/),
  ],
  'a fallback of an agent that gives something else than the agent': [
    () =>
      pipeline('line', [
        thinker('a', { fallback: giving('spare', z.number()) }),
        taking('b', z.string()),
      ]),
    because('contract-mismatch', 'line', /"spare" gives a number, and "b" takes text/, /output of "spare"/),
  ],
  'a decision that is no name': [
    () => router('desk', { by: giving('by', z.number()), to: named('a') }),
    because(
      'contract-mismatch',
      'desk',
      /"by" gives a number, and "desk" takes text or an object/,
      /output of "by"/,
    ),
  ],
  'a voter without a vote': [
    () =>
      consensus('jury', {
        voters: { a: giving('a', z.object({ score: z.number() })) },
        otherwise: worker('judge'),
      }),
    because('contract-mismatch', 'jury', /"jury" wants .* at `vote`, which "a" does not give/, /output of "a"/),
  ],
  'a judge that takes text': [
    () => debate('panel', { peers: named('a', 'b'), judge: taking('judge', z.string()) }),
    because(
      'contract-mismatch',
      'panel',
      /"panel" gives an object, and "judge" takes text/,
      /input of "judge"/,
    ),
  ],
  'a planner that takes the bare goal': [
    () =>
      plan('project', {
        planner: taking('planner', z.object({ title: z.string() })),
        workers: named('a'),
        join,
      }),
    because('contract-mismatch', 'project', /"planner" wants text at `title`, which "project" does not give/, /input of "planner"/),
  ],
  'nine tools': [
    () => thinker('handy', { tools: tools(9) }),
    because('too-many-tools', 'handy', /has 9 tools/, /divide them/),
  ],
  'nine delegates of a model': [
    () => orchestrator('lead', { model: standInModel, delegates: named(...nine) }),
    because('too-many-tools', 'lead', /has 9 tools/, /divide them/),
  ],
  'a tool without an effect': [
    () => pipeline('line', [thinker('handy', { tools: [tool('pay', {}), ...tools(2)] })]),
    because('undeclared-effect', 'handy', /its tool "pay" does not say/, /give "pay" `effect`/),
  ],
  'several tools without an effect': [
    () => thinker('handy', { tools: [tool('pay', {}), tool('ship', {}), ...tools(2)] }),
    because('undeclared-effect', 'handy', /its tools "pay", "ship" do not say/, /give each of them `effect`/),
  ],
}

