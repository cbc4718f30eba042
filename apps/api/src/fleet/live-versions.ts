import type { ExecutionResource } from '@flux/contracts';
import type { Database, Statement } from '../database/database.js';

/** → the versions (`''` for none) of each workflow that some worker takes executions of */
const READ_LIVE_VERSIONS: Statement = {
  name: 'read_live_versions',
  text: `
SELECT DISTINCT has.name AS "workflowName", has.version
FROM workers k, unnest(k.workflows, k.versions) AS has (name, version)
WHERE k.state = 'running'`,
};

/** Workflow names, each with its versions. */
export type VersionsAtHand = ReadonlyMap<string, ReadonlySet<string | null>>;

/** Tells of executions that wait for a worker with their version while there is none. */
export class LiveVersions {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The executions, with `waiting` set in those. */
  async tell<T extends readonly ExecutionResource[]>(executions: T): Promise<T> {
    if (!executions.some(isForBegun)) return executions;
    const rows = await this.#database.query<{ workflowName: string; version: string }>(
      READ_LIVE_VERSIONS,
      [],
    );
    const atHand = new Map<string, Set<string | null>>();
    for (const { workflowName, version } of rows) {
      const versions = atHand.get(workflowName) ?? new Set();
      atHand.set(workflowName, versions.add(version || null));
    }
    return executions.map((execution) => withVersionWait(execution, atHand)) as unknown as T;
  }

  async tellOne(execution: ExecutionResource): Promise<ExecutionResource> {
    const [told] = await this.tell([execution] as const);
    return told;
  }
}

/** It has begun, and waits for its next worker. */
function isForBegun({ state, attempt, workerId }: ExecutionResource): boolean {
  return (state === 'SCHEDULED' || state === 'CANCELLING') && attempt > 0 && workerId === null;
}

/** The execution; where no worker has its version, with `waiting` saying so. Pure. */
export function withVersionWait(execution: ExecutionResource, atHand: VersionsAtHand): ExecutionResource {
  const { workflowName, version } = execution;
  if (!isForBegun(execution)) return execution;
  const versions = atHand.get(workflowName);
  // Of one without a version it is only said where there are workers, and they have another one.
  if (versions?.has(version) || (version === null && !versions)) return execution;
  return { ...execution, waiting: { for: 'version', pause: null, until: null } };
}
