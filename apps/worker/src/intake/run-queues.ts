import type { QueueAddress, Topology, WorkflowDefinition } from '@flux/contracts';

export interface RunQueue {
  readonly workflowName: string;
  readonly queue: QueueAddress;
}

/**
 * The queues from which a worker takes executions of its workflows: two of each workflow, so that executions that
 * have begun do not wait behind all that have not.
 */
export function runQueuesOf(topology: Topology, definitions: readonly WorkflowDefinition[]): RunQueue[] {
  return definitions.flatMap(({ workflowName, version }) => [
    { workflowName, queue: topology.begun(workflowName, version) },
    { workflowName, queue: topology.run(workflowName) },
  ]);
}
