import type { Sandbox } from '@flux/testing';
import type { ExecutionRef } from './rest.js';

/** Has the time limit of an execution pass now, whenever that would have been. */
export async function passTimeLimit(
  sandbox: Pick<Sandbox, 'query'>,
  { executionId }: Pick<ExecutionRef, 'executionId'>,
): Promise<void> {
  await sandbox.query(
    'UPDATE executions SET timeout_at = now(), due_at = now(), version = version + 1 WHERE id = $1',
    [executionId],
  );
}
