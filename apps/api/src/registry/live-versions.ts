import type { ExecutionResource } from '@flux/contracts';
import type { WorkflowStore } from '../store/ports.js';

/** The part of an execution that tells whether it waits for a version. */
type Versioned = Pick<
  ExecutionResource,
  'workflowName' | 'version' | 'state' | 'attempt' | 'workerId' | 'waiting'
>;

/** Workflow names, each with its versions. */
export type VersionsAtHand = ReadonlyMap<string, ReadonlySet<string | null>>;

/** Tells of executions that wait for a worker with their version while there is none. */
export class LiveVersions {
  readonly #store: WorkflowStore;

  constructor(store: WorkflowStore) {
    this.#store = store;
  }

  /** The executions, with `waiting` set in those that wait for a worker with their version. */
  async tell<T extends readonly Versioned[]>(executions: T): Promise<T> {
    if (!executions.some(isForBegun)) return executions;
    const atHand = new Map<string, Set<string | null>>();
    for (const { workflowName, version } of await this.#store.readLiveVersions()) {
      const versions = atHand.get(workflowName) ?? new Set();
      atHand.set(workflowName, versions.add(version || null));
    }
    return executions.map((execution) => withVersionWait(execution, atHand)) as unknown as T;
  }

  async tellOne<T extends Versioned>(execution: T): Promise<T> {
    const [told] = await this.tell([execution] as const);
    return told;
  }
}

/** Whether the execution has begun, and waits for its next worker. */
function isForBegun({ state, attempt, workerId }: Versioned): boolean {
  return (state === 'SCHEDULED' || state === 'CANCELLING') && attempt > 0 && workerId === null;
}

/** The execution; where no worker has its version, with `waiting` saying so. Pure. */
export function withVersionWait<T extends Versioned>(execution: T, atHand: VersionsAtHand): T {
  const { workflowName, version } = execution;
  if (!isForBegun(execution)) return execution;
  const versions = atHand.get(workflowName);
  // An execution without a version only waits for one where there are workers, and they have another version.
  if (versions?.has(version) || (version === null && !versions)) return execution;
  return { ...execution, waiting: { for: 'version', pause: null, until: null } };
}
