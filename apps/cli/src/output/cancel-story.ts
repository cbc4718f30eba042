import { formatDuration, type ExecutionResource } from '@flux/client';
import { causeWords, errorWords, reasonWords } from './cause-words.js';
import { cancelling, cleanupWords } from './event-words.js';
import { clean } from './style.js';
import { between } from './times.js';

export interface Moment {
  readonly at: string;
  readonly words: string;
}

type Cancellation = NonNullable<ExecutionResource['cancellation']>;

interface StoryParts {
  readonly execution: ExecutionResource;
  readonly cancellation: Cancellation;
  /** The times beside the lines count from the request already, so that the words need not. */
  readonly fromRequest?: boolean;
}

/** How a cancel went, step by step: who and why, the delivery, the stop with its cleanup, the end. */
export class CancelStory {
  readonly #parts: StoryParts;

  constructor(parts: StoryParts) {
    this.#parts = parts;
  }

  get moments(): Moment[] {
    return [this.requested, this.delivered, this.stopped].filter((moment) => moment !== undefined);
  }

  get requested(): Moment {
    const { requestedAt, requestedBy, cause, reason } = this.#parts.cancellation;
    const begins = cancelling(this.#parts.execution.attempt);
    const words = `${begins}cancel requested by ${requestedBy}${causeWords(cause)}${reasonWords(reason)}`;
    return { at: requestedAt, words: clean(words) };
  }

  get delivered(): Moment | undefined {
    const { deliveredAt } = this.#parts.cancellation;
    const { workerId } = this.#parts.execution;
    if (!deliveredAt || this.#wasIdle) return undefined;
    const to = workerId ? ` to ${workerId}` : '';
    return { at: deliveredAt, words: clean(`cancel delivered${to}${this.#after(deliveredAt)}`) };
  }

  get stopped(): Moment | undefined {
    const { stoppedAt, forced } = this.#parts.cancellation;
    if (!stoppedAt || this.#wasIdle) return undefined;
    const how = forced ? 'killed at the deadline, ' : '';
    return {
      at: stoppedAt,
      words: clean(`stopped${this.#after(stoppedAt)}: ${how}${this.cleanup}`),
    };
  }

  /** The words beside the state in which it ended. */
  get end(): string {
    const { stoppedAt, finalizedAt, outcome } = this.#parts.cancellation;
    const final = finalizedAt ? `, finalised${this.#after(finalizedAt)}` : '';
    if (outcome === 'already_completed') return `${final}: it had ended before the cancel reached it`;
    if (this.#wasIdle) return ' at once: nothing of it had run';
    return stoppedAt ? final : `${final}: ${this.cleanup}`;
  }

  get cleanup(): string {
    const { cleanup, cleanupError } = this.#parts.cancellation;
    return `${cleanupWords(cleanup)}${cleanupError ? `: ${errorWords(cleanupError)}` : ''}`;
  }

  /** No worker ever had it. */
  get #wasIdle(): boolean {
    return this.#parts.execution.attempt === 0;
  }

  #after(time: string): string {
    return this.#parts.fromRequest
      ? ''
      : ` after ${formatDuration(between(this.#parts.cancellation.requestedAt, time))}`;
  }
}
