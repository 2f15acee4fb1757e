/** Every statechart that Troupe ships, to be drawn, explored and embedded. */
export { agentMachine } from './agent.ts'
export { humanMachine } from './human.ts'
export { parallelMachine } from './parallel.ts'
export { pipelineMachine } from './pipeline.ts'
export { routerMachine } from './router.ts'
export { supervisorMachine } from './supervisor.ts'
export { taskMachine } from './task.ts'
