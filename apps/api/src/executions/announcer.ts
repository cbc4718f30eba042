import type { StateUpdate } from '@flux/contracts';
import { isTerminal } from '@flux/domain';
import type { OutboxRow } from '../lifecycle/messages.js';
import type { Relay } from '../dispatch/relay.js';
import type { CoreMetrics } from '../metrics/core-metrics.js';
import type { ExecutionHub } from '../updates/execution-hub.js';
import type { UpdatePublisher } from '../updates/update-publisher.js';
import type { ExecutionRow } from '../lifecycle/execution.js';

/** The facts that others need of an execution that has moved on. */
export type Moved = Pick<ExecutionRow, 'id' | 'state' | 'lastEventSeq' | 'cancellation'>;

/** A durable change. */
export interface Committed {
  readonly row: Moved | undefined;
  readonly outbox: readonly OutboxRow[];
  /** Whether the execution began with this change. */
  readonly isNew?: boolean;
}

export interface AnnouncerParts {
  readonly relay: Relay;
  readonly hub: ExecutionHub;
  readonly publisher: UpdatePublisher;
  readonly metrics: CoreMetrics;
}

/** Tells the broker, the waits of this replica, and the other replicas of durable changes. Never throws. */
export class Announcer {
  readonly #parts: AnnouncerParts;

  constructor(parts: AnnouncerParts) {
    this.#parts = parts;
  }

  announce(committed: readonly Committed[]): void {
    const outbox = committed.flatMap(({ outbox }) => outbox);
    if (outbox.length > 0) this.#parts.relay.publish(outbox);
    const updates: StateUpdate[] = [];
    for (const { row, isNew } of committed) {
      if (!row) continue;
      if (isNew) this.#parts.metrics.started.inc();
      updates.push({ executionId: row.id, state: row.state, seq: row.lastEventSeq });
      if (isTerminal(row.state)) this.#parts.metrics.finished(row);
    }
    this.#parts.hub.notify(updates);
    this.#parts.publisher.publish(updates);
  }
}
