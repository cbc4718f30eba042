import { DEFAULT_SYNC_TIMEOUT_MS, type ExecutionResource } from '@flux/contracts';
import { FluxError, isTerminal } from '@flux/domain';
import type { ExecutionService } from '../executions/execution-service.js';

/** How far past its timeout an answer may come, less what sending it takes: the promise is 250 ms. */
const LATE_MS = 120;

/** The moment by which a synchronous request is answered, whatever the database does. */
export class SyncWait {
  private readonly endsAt: number;

  constructor(
    private readonly executions: ExecutionService,
    timeoutMs: number = DEFAULT_SYNC_TIMEOUT_MS,
  ) {
    this.endsAt = performance.now() + timeoutMs;
  }

  /**
   * What `change` resolves with.
   * @throws FluxError `DATABASE_UNAVAILABLE` when it takes longer than the timeout; it may still happen
   */
  async forChange<T>(change: Promise<T>): Promise<T> {
    return this.atMost(change, () => {
      throw new FluxError('DATABASE_UNAVAILABLE', 'the database did not answer within the timeout', {
        hint: 'The request may still take effect: send it again, with the same id or key, to find out.',
      });
    });
  }

  /**
   * The execution once it is terminal, else as it is at the timeout or when `signal` aborts. What was promised to the
   * caller is durable, so a failing database only ends the wait, with `execution` as it is known.
   */
  async forEnd(execution: ExecutionResource, signal: AbortSignal): Promise<ExecutionResource> {
    if (isTerminal(execution.state)) return execution;
    const remaining = Math.max(0, this.endsAt - performance.now());
    const end = this.executions.waitUntilTerminal(execution.executionId, remaining, signal);
    return this.atMost(end.catch(unlessUnavailable(execution)), () => execution);
  }

  private async atMost<T>(promise: Promise<T>, instead: () => T): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.max(0, this.endsAt - performance.now()) + LATE_MS);
    });
    return Promise.race([promise, late.then(instead)]).finally(() => clearTimeout(timer));
  }
}

function unlessUnavailable(execution: ExecutionResource): (error: unknown) => ExecutionResource {
  return (error) => {
    if (error instanceof FluxError && error.code === 'DATABASE_UNAVAILABLE') return execution;
    throw error;
  };
}
