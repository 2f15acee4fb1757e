/**
 * Faults to plant, one at a time, and the tests that must turn red for each. They are mistakes that were made in actor
 * systems in the field, or could be made here by a change that looks harmless.
 */

/** One fault. */
export interface Mutant {
  /** What is wrong with it. */
  readonly name: string
  readonly file: string
  /** Occurs once in the file. */
  readonly text: string
  readonly replacement: string
  /** At least one of them must fail. */
  readonly tests: readonly string[]
}

const terminate = 'src/system/terminate.ts'
const startCell = 'src/system/start-cell.ts'
const handling = 'src/system/handling.ts'
const intake = 'src/system/intake.ts'
const stopping = 'src/system/stopping.ts'

const restarted = `  kernel.events.emit({ type: 'actor.restarted',`

/** In the order in which a reader meets the rules: supervision, lifecycle, mail, asks, agents. */
export const mutants: readonly Mutant[] = [
  {
    name: 'a supervisor stops its children first to last',
    file: 'actors/stop-children.ts',
    text: 'const left = [...children]',
    replacement: 'const left = children.toReversed()',
    tests: ['test/supervision/shutdown.test.ts'],
  },
  {
    name: 'a group restart counts once per child',
    file: 'machines/supervisor.ts',
    text: `  actions: [
    { type: 'count', params: attempt },
    { type: 'blame', params: child },
  ],`,
    replacement: `  actions: [
    { type: 'count', params: attempt },
    { type: 'count', params: attempt },
    { type: 'blame', params: child },
  ],`,
    tests: ['test/supervision/intensity.test.ts'],
  },
  {
    name: 'a supervisor gives up at its intensity, not past it',
    file: 'machines/restart-window.ts',
    text: 'length > limit.intensity',
    replacement: 'length >= limit.intensity',
    tests: ['test/supervision/intensity.test.ts'],
  },
  {
    name: 'a restart that is exactly as old as the period is forgotten',
    file: 'machines/restart-window.ts',
    text: 'atMs - time <= limit.periodMs',
    replacement: 'atMs - time < limit.periodMs',
    tests: ['test/supervision/intensity.test.ts'],
  },
  {
    name: 'the kernel gives up on children at their intensity, not past it',
    file: 'src/system/child-exit.ts',
    text: 'return isOverLimit(before, now, budget)',
    replacement: 'return isOverLimit(before, now, { ...budget, intensity: budget.intensity - 1 })',
    tests: ['test/kernel/crash.test.ts', 'test/supervision/escalation.test.ts'],
  },
  {
    name: 'agents use up the restarts of the root',
    file: 'src/system/child-exit.ts',
    text: 'if (!child.options.ownBudget && isSpent',
    replacement: 'if (isSpent',
    tests: ['test/supervision/root.test.ts'],
  },
  {
    name: 'a wait for a restart outlives who waits',
    file: 'src/system/child-exit.ts',
    text: `    if (child.state !== 'suspended') return\n    try`,
    replacement: '    try',
    tests: ['test/supervision/root.test.ts'],
  },
  {
    name: 'temporary siblings are restarted with their group',
    file: 'actors/restart-group.ts',
    text: `({ restart }) => restart !== 'temporary'`,
    replacement: '() => true',
    tests: ['test/supervision/strategies.test.ts'],
  },
  {
    name: 'a transient child is restarted after a normal end',
    file: 'machines/supervisor.ts',
    text: `(exited.restart === 'transient' && !isAbnormal(exited))`,
    replacement: 'false',
    tests: ['test/supervision/restart-types.test.ts'],
  },
  {
    name: 'a date that is set anew frees a budget of restarts',
    file: 'src/system/children.ts',
    text: 'now: () => kernel.timers.now()',
    replacement: 'now: () => kernel.now()',
    tests: ['test/kernel/time.test.ts'],
  },
  {
    name: 'each child of a dynamic supervisor has a timer of its own for its stop',
    file: 'src/system/children.ts',
    text: `, timeoutMs: 'infinity' })`,
    replacement: ' })',
    tests: ['test/supervision/shutdown.test.ts'],
  },
  {
    name: 'a group starts whom somebody has stopped while it went down',
    file: 'actors/start-children.ts',
    text: '      if (child.ref && scope.children.isStopped(child.ref)) return true\n',
    replacement: '',
    tests: ['test/supervision/strategies.test.ts'],
  },
  {
    name: 'jitter comes before the cap of a backoff',
    file: 'actors/backoff.ts',
    text: 'Math.min(maxMs, minMs * 2 ** failures) * (1 + chance * jitter)',
    replacement: 'Math.min(maxMs, minMs * 2 ** failures * (1 + chance * jitter))',
    tests: ['test/supervision/backoff.test.ts'],
  },
  {
    name: 'a group loses its mail when it is restarted',
    file: stopping,
    text: 'if (!toRestart) refuseMail(cell)\n  if (has',
    replacement: 'refuseMail(cell)\n  if (has',
    tests: ['test/scenarios/regressions.test.ts'],
  },
  {
    name: 'a restart clears the mailbox',
    file: startCell,
    text: restarted,
    replacement: `  cell.mailbox.drain(true)\n${restarted}`,
    tests: ['test/supervision/strategies.test.ts', 'test/kernel/crash.test.ts'],
  },
  {
    name: 'watchers are told of a restart',
    file: startCell,
    text: restarted,
    replacement: `  for (const [watcher, { token }] of cell.more?.watchers ?? []) {
    const mail = kernel.mail({ type: 'actor.terminated', ref: cell.ref, reason: { type: 'normal' } } as never, cell)
    mail.token = token
    kernel.post(watcher, mail)
  }
${restarted}`,
    tests: ['test/kernel/death-watch.test.ts'],
  },
  {
    name: 'an ended incarnation still has its powers',
    file: terminate,
    text: '  if (cell.powers) cell.powers.over = true\n  const { life } = cell',
    replacement: '  const { life } = cell',
    tests: ['test/kernel/crash.test.ts', 'test/kernel/stop.test.ts', 'test/scenarios/regressions.test.ts'],
  },
  {
    name: 'a kill leaves what is below to the next incarnation',
    file: terminate,
    text: '  killChildren(cell)\n  discardLife(cell)',
    replacement: '  discardLife(cell)',
    tests: ['test/scenarios/regressions.test.ts'],
  },
  {
    name: 'a link outlives its incarnation',
    file: stopping,
    text: '  breakLinks(cell, reason)\n',
    replacement: `  if (reason.type === 'error' || reason.type === 'killed') breakLinks(cell, reason)\n`,
    tests: ['test/scenarios/regressions.test.ts', 'test/kernel/links.test.ts'],
  },
  {
    name: 'a normal end stops those who are linked',
    file: 'src/system/links.ts',
    text: 'if (!abnormal || ',
    replacement: 'if (',
    tests: ['test/kernel/links.test.ts'],
  },
  {
    name: 'names are free only after watchers were told, and all they sent',
    file: terminate,
    text: '  for (const free of more.releases ?? []) free()\n',
    replacement: '  for (const free of more.releases ?? []) cell.kernel.timers.start(cell.kernel.now(), free)\n',
    tests: ['test/kernel/names.test.ts', 'test/kernel/death-watch.test.ts'],
  },
  {
    name: 'unwatch does not take back what is queued',
    file: 'src/system/death-watch.ts',
    text: '  if (watched) watched.token.active = false\n',
    replacement: '',
    tests: ['test/kernel/death-watch.test.ts'],
  },
  {
    name: 'a handler runs on the stack of the sender',
    file: intake,
    text: '  if (!cell.ready) kernel.scheduler.ready(cell)\n',
    replacement: `  if (!cell.inTurn && cell.state === 'running') cell.turn(1)\n  if (!cell.ready) kernel.scheduler.ready(cell)\n`,
    tests: ['test/kernel/scheduler.test.ts'],
  },
  {
    name: 'an actor is never interrupted by others',
    file: 'src/system/scheduler.ts',
    text: 'const BATCH = 20\n',
    replacement: 'const BATCH = 1_000_000\n',
    tests: ['test/kernel/scheduler.test.ts'],
  },
  {
    name: 'the newest mail comes first',
    file: 'src/system/mailbox.ts',
    text: '    this.#lane(isWork).push(item)\n',
    replacement: '    this.#lane(isWork).unshift(item)\n',
    tests: ['test/kernel/mailbox.test.ts'],
  },
  {
    name: 'a mailbox takes one more than it may',
    file: intake,
    text: 'if (cell.mailbox.load < (options.capacity ?? CAPACITY)) return undefined',
    replacement: 'if (cell.mailbox.load <= (options.capacity ?? CAPACITY)) return undefined',
    tests: ['test/kernel/mailbox.test.ts'],
  },
  {
    name: 'requests that nobody awaits any more fill a mailbox',
    file: intake,
    text: ' || dropLapsed(cell)) return undefined',
    replacement: ') return undefined',
    tests: ['test/kernel/mailbox.test.ts'],
  },
  {
    name: 'what a full mailbox drops is no dead letter',
    file: intake,
    text: `      if (oldest) cell.kernel.deadLetter(oldest, cell, 'mailbox-full')\n`,
    replacement: '',
    tests: ['test/kernel/mailbox.test.ts'],
  },
  {
    name: 'the mail of a dead actor vanishes',
    file: terminate,
    text: `  else cell.kernel.deadLetter(mail, cell, 'stopped')\n`,
    replacement: '',
    tests: ['test/kernel/dead-letters.test.ts', 'test/kernel/stop.test.ts', 'test/supervision/restart-types.test.ts'],
  },
  {
    name: 'a crash throws the stash away',
    file: terminate,
    text: '    putBack(cell, more.stash)\n',
    replacement: '',
    tests: ['test/kernel/stash-and-timers.test.ts', 'test/kernel/crash.test.ts'],
  },
  {
    name: 'a tick of a timer that was cancelled arrives',
    file: 'src/system/keyed-timer.ts',
    text: 'this.#cancelled = true',
    replacement: 'this.#cancelled = false',
    tests: ['test/kernel/stash-and-timers.test.ts'],
  },
  {
    name: 'a tick of the last incarnation reaches the next one',
    file: terminate,
    text: '    for (const [, timer] of powers.keyed.entries()) timer.cancel()\n',
    replacement: '',
    tests: ['test/kernel/stash-and-timers.test.ts'],
  },
  {
    name: 'a timer that repeats keeps its actor from stopping',
    file: terminate,
    text: 'if (atWork && !timer.repeats) continue',
    replacement: 'if (atWork) continue',
    tests: ['test/kernel/stash-and-timers.test.ts'],
  },
  {
    name: 'a date that is set anew makes timers early or late',
    file: 'src/system/timers.ts',
    text: 'at: this.steadily(at), order',
    replacement: 'at, order',
    tests: ['test/kernel/time.test.ts'],
  },
  {
    name: 'a message does not put off the receive timeout',
    file: handling,
    text: '  if (cell.more?.receiveTimeout) cell.powers?.rearm()\n',
    replacement: '',
    tests: ['test/kernel/stash-and-timers.test.ts'],
  },
  {
    name: 'a promise of a crashed incarnation delays the stop of the next one',
    file: stopping,
    text: 'cell.piped === 0 && isChildless(cell)) {',
    replacement: 'isChildless(cell)) {',
    tests: ['test/scenarios/regressions.test.ts'],
  },
  {
    name: 'a hook that never ends keeps its actor down for ever',
    file: 'src/system/hooks.ts',
    text: '  const timer = patience(cell, goOn)\n',
    replacement: '  const timer = undefined as ReturnType<typeof patience>\n',
    tests: ['test/scenarios/regressions.test.ts'],
  },
  {
    name: 'a child of a machine that fails leaves its own children behind',
    file: 'src/logic/xstate-actor.ts',
    text: '    if (source && isError(event) && inside(source)._processingStatus === STOPPED) stopTree(source)\n',
    replacement: '',
    tests: ['test/kernel/xstate-logic.test.ts'],
  },
  {
    name: 'a step of a machine has another key in each attempt',
    file: 'src/system/actor-powers.ts',
    text: 'const task = this.cell.parent?.origin',
    replacement: 'const task = undefined as Cell["origin"]',
    tests: ['test/kernel/steps.test.ts'],
  },
  {
    name: 'an ask is settled twice',
    file: 'src/system/asks.ts',
    text: '    if (this.settled) return false\n    this.settled = true\n',
    replacement: '    if (this.settled) return false\n',
    tests: ['test/kernel/ask.test.ts'],
  },
  {
    name: 'whoever asks a dead actor waits for the timeout',
    file: terminate,
    text: `    if (!asker.settled) asker.settle({ status: 'rejected'`,
    replacement: `    if (asker.settled) asker.settle({ status: 'rejected'`,
    tests: ['test/kernel/ask.test.ts'],
  },
  {
    name: 'an ask past its deadline is handled all the same',
    file: handling,
    text: 'if (mail.asker ? mail.asker.settled : ',
    replacement: 'if (mail.asker ? mail.asker.answered : ',
    tests: ['test/kernel/ask.test.ts', 'test/kernel/dead-letters.test.ts'],
  },
  {
    name: 'a run gets an id that a caller has given',
    file: 'src/system/run-book.ts',
    text: 'this.#hasLookalikes && this.#find',
    replacement: 'this.closed && this.#find',
    tests: ['test/kernel/run-ids.test.ts'],
  },
  {
    name: 'the id of a run is that of a message',
    file: 'src/system/run-record.ts',
    text: '`${prefix}r-${number.toString(36)}`',
    replacement: '`${prefix}r${number.toString(36)}`',
    tests: ['test/kernel/run-ids.test.ts'],
  },
  {
    name: 'a request that was withdrawn stops the clock for good',
    file: 'actors/task.ts',
    text: 'if (id === this.#fallback || this.#requests?.has(id)) ',
    replacement: '',
    tests: ['test/actors/human.test.ts'],
  },
  {
    name: 'a task that goes down with its agent leaves the clocks above it stopped',
    file: 'actors/task.ts',
    text: `'its actor went down' })\n    this.#waits?.end()\n`,
    replacement: `'its actor went down' })\n`,
    tests: ['test/actors/human.test.ts'],
  },
  {
    name: 'agents that are made for each run pile up',
    file: 'src/system/guests.ts',
    text: 'looks < LOOKS && ',
    replacement: 'looks < 0 && ',
    tests: ['test/kernel/guests.test.ts'],
  },
  {
    name: 'an agent that is asked by its own task waits for itself',
    file: intake,
    text: ` && !mail.chain.includes(cell.ref.address)`,
    replacement: '',
    tests: ['test/kernel/agents.test.ts', 'test/actors/agent.test.ts'],
  },
  {
    name: 'a late result moves the circuit',
    file: 'machines/agent.ts',
    text: `(event.type === 'attempt.failed' || event.type === 'task.settled') && !event.late`,
    replacement: `event.type === 'attempt.failed' || event.type === 'task.settled'`,
    tests: ['test/actors/circuit.test.ts'],
  },
  {
    name: 'a half-open circuit is closed by a restart of its agent',
    file: 'actors/agent-cell.ts',
    text: `state === 'half-open' ? 'open' : state`,
    replacement: `state === 'half-open' ? 'closed' : state`,
    tests: ['test/actors/circuit.test.ts'],
  },
  {
    name: 'a circuit that has closed remembers the calls of its window',
    file: 'actors/agent-cell.ts',
    text: '    circuit.results.length = 0\n',
    replacement: '',
    tests: ['test/actors/circuit.test.ts'],
  },
  {
    name: 'a probe that says nothing keeps its permit',
    file: 'machines/agent.ts',
    text: '        probing: context.probing - 1,\n',
    replacement: '        probing: isGood(event) || isBad(event) ? context.probing - 1 : context.probing,\n',
    tests: ['test/machines/agent.test.ts', 'test/actors/circuit.test.ts'],
  },
  {
    name: 'a cancelled call of a model keeps what it held of a budget',
    file: 'actors/spending.ts',
    text: '    this.settle(oneCall)\n',
    replacement: '',
    tests: ['test/actors/budget.test.ts'],
  },
  {
    name: 'a call of a model that failed is free',
    file: 'actors/spending.ts',
    text: 'isUnasked(error) ? nothing : { usd: 0, tokens: 0, calls }',
    replacement: 'nothing',
    tests: ['test/actors/budget.test.ts'],
  },
  {
    name: 'one person approves for two',
    file: 'src/system/inbox.ts',
    text: `return request.decisions.some((decision) => decision.by === by) ? 'already-decided' : undefined`,
    replacement: 'return undefined',
    tests: ['test/actors/approvals.test.ts'],
  },
  {
    name: 'who approved the arguments of the model has approved others as well',
    file: 'src/system/inbox.ts',
    text: 'entry.request = { ...old, input: plain(edited.input), decisions: [] }',
    replacement: 'entry.request = { ...old, input: plain(edited.input) }',
    tests: ['test/actors/approvals.test.ts'],
  },
  {
    name: 'a decision counts after its deadline',
    file: 'src/system/inbox.ts',
    text: `    if (request.deadline !== undefined && this.#kernel.now() >= request.deadline) return 'expired'\n`,
    replacement: '',
    tests: ['test/actors/approvals.test.ts', 'test/actors/human.test.ts'],
  },
  {
    name: 'what is approved once is asked about again in the next attempt',
    file: 'actors/tool-call.ts',
    text: '    this.#record.isCleared = true\n',
    replacement: '',
    tests: ['test/actors/approvals.test.ts'],
  },
  {
    name: 'a tool has another key in each attempt',
    file: 'actors/tool-call.ts',
    text: 'new StepScope(this.#host.task, this.#record.key, this.#aborter.signal)',
    replacement:
      'new StepScope(this.#host.task, `${this.#record.key}.${String(this.#host.task.attempt)}`, this.#aborter.signal)',
    tests: ['test/actors/tools.test.ts'],
  },
  {
    name: 'a tool that may be done once is done again when its result is lost',
    file: 'actors/tool-call.ts',
    text: `return this.#record.hasStarted && this.#tool.effect === 'once'`,
    replacement: 'return false',
    tests: ['test/actors/tools.test.ts'],
  },
  {
    name: 'a tool that does not exist costs no repair',
    file: 'actors/answer.ts',
    text: '      faults.push({ path: call.name, message: found.missing })\n',
    replacement: '',
    tests: ['test/actors/tools.test.ts', 'test/actors/model-agent.test.ts', 'test/actors/model-faults.test.ts'],
  },
  {
    name: 'a guard is asked about its input before each attempt',
    file: 'actors/guarded.ts',
    text: '    this.steps.set(letInKey(this.task), { value })\n',
    replacement: '',
    tests: ['test/actors/guards.test.ts'],
  },
  {
    name: 'a result under an old award counts',
    file: 'machines/auction.ts',
    text: ` && 'epoch' in event && event.epoch === context.epoch`,
    replacement: '',
    tests: ['test/machines/auction.test.ts', 'test/actors/auctioneer.test.ts'],
  },
  {
    name: 'a key that was deleted has never existed',
    file: 'actors/board-values.ts',
    text: 'return this.#entries.get(key)?.version ?? 0',
    replacement: 'return this.valueOf(key) === undefined ? 0 : (this.#entries.get(key)?.version ?? 0)',
    tests: ['test/actors/board.test.ts'],
  },
  {
    name: 'a source of a blackboard writes over what it has not seen',
    file: 'actors/blackboard.ts',
    text: 'if (stale.length === 0) return this.#write(source, puts)',
    replacement: 'if (stale.length === 0 || puts.length > 0) return this.#write(source, puts.map(({ key, value }) => ({ key, value })))',
    tests: ['test/actors/blackboard.test.ts'],
  },
  {
    name: 'a vote wins while another one may still catch up',
    file: 'machines/consensus.ts',
    text: 'second + open < most',
    replacement: 'second < most',
    tests: ['test/machines/consensus.test.ts', 'test/actors/consensus.test.ts'],
  },
  {
    name: 'the requests of one run go before those of all others',
    file: 'src/models/gate.ts',
    text: '      this.#runs.delete(run)\n      if (others.length > 0) this.#runs.set(run, others)\n',
    replacement: '      if (others.length > 0) this.#runs.set(run, others)\n      else this.#runs.delete(run)\n',
    tests: ['test/models/limited.test.ts'],
  },
]
