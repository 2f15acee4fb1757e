/** The kernel's half of an agent's cell: it starts tasks, answers them, and keeps its records. */
import { taskLogic } from '../../actors/task.ts'
import { DefectError, outcomeOf, toTroupeError, type Outcome } from '../contracts/errors.ts'
import type { AgentMessage } from '../contracts/messages.ts'
import type { CircuitControl } from '../contracts/system.ts'
import type { CircuitRecord, MetricsRecord } from '../contracts/agent-record.ts'
import type { PermitAnswer } from '../contracts/task-messages.ts'
import type { AgentScope, TaskInput } from '../contracts/agent-scope.ts'
import type { TaskMeta } from '../contracts/task-request.ts'
import { reply } from './asks.ts'
import type { AgentRecord } from './agent-records.ts'
import type { Cell, CellOptions } from './cell.ts'
import { spawnCell } from './start-cell.ts'
import { mailOf } from './mail.ts'
import { CellPowers } from './cell-powers.ts'
import type { Registers } from './registers.ts'

const TASK: CellOptions = { restart: 'temporary' }

export class AgentPowers extends CellPowers implements Record<keyof AgentScope, unknown> {
  readonly record: AgentRecord

  constructor(cell: Cell, kernel: Registers, record: AgentRecord) {
    super(cell, kernel)
    this.record = record
  }

  get meta(): TaskMeta {
    return this.cell.mail?.meta ?? this.kernel.runs.detached(this.envelope)
  }

  get circuit(): CircuitRecord {
    return this.record.circuit
  }

  get metrics(): MetricsRecord {
    return this.record.metrics
  }

  startTask(input: TaskInput): void {
    const mail = mailOf(input.request)!
    try {
      const name = `t-${input.request.id}`
      spawnCell(this.cell, { logic: taskLogic as never, name, input, options: TASK, origin: mail })
    } catch (thrown) {
      // `taskIsGone` has answered already, unless the cell could not even be made.
      if (!mail.asker?.settled) this.refuse(input.request, outcomeOf(toTroupeError(thrown)))
      if (!(thrown instanceof DefectError)) throw thrown
    }
  }

  answerTask(id: string, answer: PermitAnswer): void {
    const task = this.cell.children?.get(`t-${id}`)
    if (task) this.kernel.tellBare(task, answer, this.cell)
  }

  refuse(request: AgentMessage, outcome: Outcome): void {
    const mail = mailOf(request)
    if (mail?.asker && !mail.asker.settled) reply(this.kernel, this.cell, mail, outcome)
  }

  circuitChanged(from: CircuitControl['state'], to: CircuitControl['state']): void {
    this.kernel.events.emit({ type: 'circuit.changed', at: this.now(), agent: this.record.name, from, to })
  }
}
