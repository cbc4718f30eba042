import type { FluxError } from '@flux/domain';
import type { Logger } from 'pino';

/** SQLSTATEs that every statement meets; of others a read that succeeds says nothing. */
const OF_CONNECTIONS = /^(08|57P|$)/;
/** How long after its last failure a database counts as well again, milliseconds: all that waits asks sooner. */
const SETTLE_MS = { connections: 500, others: 4_000 };

/** Whether the database does its work, as the statements find it: told when that ends, and when it is back. */
export class Outage {
  readonly #logger: Pick<Logger, 'error' | 'info'> | undefined;
  #error: FluxError | undefined;
  #since = 0;
  #lastFailure = 0;

  constructor(logger?: Pick<Logger, 'error' | 'info'>) {
    this.#logger = logger;
  }

  /** Why the database does no work now; `undefined` when it does. */
  get reason(): string | undefined {
    return this.#error?.message;
  }

  /** A statement met `error`, a `DATABASE_UNAVAILABLE`. */
  met(error: FluxError): void {
    // A statement that took too long says nothing about others.
    if (error.details['sqlState'] === '57014') return;
    const isNew = this.#error === undefined;
    this.#error = error;
    this.#lastFailure = performance.now();
    if (!isNew) return;
    this.#since = this.#lastFailure;
    this.#logger?.error({ err: error }, `${error.message}; work waits until that is over`);
  }

  /** A statement was done. */
  done(): void {
    if (!this.#error) return;
    const { sqlState = '' } = this.#error.details;
    const settleMs = SETTLE_MS[OF_CONNECTIONS.test(String(sqlState)) ? 'connections' : 'others'];
    if (performance.now() - this.#lastFailure < settleMs) return;
    this.#error = undefined;
    const seconds = Math.round((this.#lastFailure - this.#since) / 100) / 10;
    this.#logger?.info({ seconds }, 'the database does its work again');
  }
}
