import { DEFAULT_SYNC_TIMEOUT_MS, type ExecutionResource } from '@flux/contracts';
import { FluxError, isTerminal } from '@flux/domain';
import type { FastifyReply } from 'fastify';
import { within } from '../../flow/within.js';
import type { ExecutionService } from '../../executions/execution-service.js';
import type { EventStreams } from '../event-stream.js';
import type { JsonAnswers } from '../json-answers.js';
import type { OpenRequests } from '../open-requests.js';

/** What requests about an execution are answered with. */
export interface AnswerParts {
  readonly executions: ExecutionService;
  readonly answers: JsonAnswers;
  readonly streams: EventStreams;
  readonly openRequests: OpenRequests;
}

/** Answers a request that changed an execution, with the status that the reply has. */
export function answerWith(
  { answers, executions }: Pick<AnswerParts, 'answers' | 'executions'>,
  reply: FastifyReply,
  execution: ExecutionResource,
): Promise<void> {
  return answers.send(reply, (share) => executions.answer(execution, share), 'changes');
}

/** How far past its timeout an answer may come, less what sending it takes: the promise is 250 ms. */
const LATE_MS = 120;

/** The moment by which a synchronous request is answered, whatever the database does. */
export class SyncWait {
  readonly #executions: ExecutionService;
  readonly #endsAt: number;

  constructor(executions: ExecutionService, timeoutMs: number = DEFAULT_SYNC_TIMEOUT_MS) {
    this.#executions = executions;
    this.#endsAt = performance.now() + timeoutMs;
  }

  /**
   * Resolves as `change` does.
   * @throws FluxError `DATABASE_UNAVAILABLE` when it takes longer than the timeout; it may still happen
   */
  async forChange<T>(change: Promise<T>): Promise<T> {
    return this.#atMost(change, () => {
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
    const remaining = Math.max(0, this.#endsAt - performance.now());
    const end = this.#executions.waitUntilTerminal(execution.executionId, remaining, signal);
    const known = end.catch((error: unknown) => {
      if (error instanceof FluxError && error.code === 'DATABASE_UNAVAILABLE') return execution;
      throw error;
    });
    return this.#atMost(known, () => execution);
  }

  #atMost<T>(promise: Promise<T>, instead: () => T): Promise<T> {
    return within(Math.max(0, this.#endsAt - performance.now()) + LATE_MS, promise, instead);
  }
}
