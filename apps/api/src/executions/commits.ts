import type { StateUpdate } from '@flux/contracts';
import { isTerminal } from '@flux/domain';
import type { OutboxRow } from '../dispatch/outbox.js';
import type { Relay } from '../dispatch/relay.js';
import type { CoreMetrics } from '../metrics/core-metrics.js';
import type { ExecutionHub } from '../updates/execution-hub.js';
import type { UpdatePublisher } from '../updates/update-publisher.js';
import type { ExecutionRow } from './execution-row.js';

/** What others need to know of an execution that has moved on. */
export type Moved = Pick<ExecutionRow, 'id' | 'state' | 'lastEventSeq' | 'cancellation'>;

/** A durable change. */
export interface Committed {
  readonly row: Moved | undefined;
  readonly outbox: readonly OutboxRow[];
  /** The execution began with it. */
  readonly isNew?: boolean;
}

/** Tells of what has become durable: the broker, whoever waits here, and the other replicas. Never throws. */
export class Commits {
  readonly #relay: Relay;
  readonly #hub: ExecutionHub;
  readonly #publisher: UpdatePublisher;
  readonly #metrics: CoreMetrics;

  constructor(relay: Relay, hub: ExecutionHub, publisher: UpdatePublisher, metrics: CoreMetrics) {
    this.#relay = relay;
    this.#hub = hub;
    this.#publisher = publisher;
    this.#metrics = metrics;
  }

  announce(commits: readonly Committed[]): void {
    const outbox = commits.flatMap((commit) => commit.outbox);
    if (outbox.length > 0) this.#relay.publish(outbox);
    const updates: StateUpdate[] = [];
    for (const { row, isNew } of commits) {
      if (!row) continue;
      if (isNew) this.#metrics.started.inc();
      updates.push({ executionId: row.id, state: row.state, seq: row.lastEventSeq });
      if (isTerminal(row.state)) this.#metrics.finished(row);
    }
    this.#hub.notify(updates);
    this.#publisher.publish(updates);
  }
}
