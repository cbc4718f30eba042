import {
  CHECKPOINT_PARTITIONS,
  checkpointPartition,
  type CheckpointEvent,
  type Topology,
} from '@flux/contracts';
import type { Bus } from '@flux/messaging';
import type { Logger } from 'pino';
import { CheckpointPartition } from './checkpoint-partition.js';
import type { HeldExecution } from './held-execution.js';

/** Carries events of executions to the api: in order, and again until the broker has confirmed them. */
export class Checkpoints {
  readonly #partitions: readonly CheckpointPartition[];

  constructor(bus: Bus, topology: Topology, workerId: string, log: Logger) {
    this.#partitions = Array.from({ length: CHECKPOINT_PARTITIONS }, (_, partition) => {
      return new CheckpointPartition(bus, topology.checkpoints(partition), workerId, log);
    });
  }

  /** @param onConfirmed called once the broker has taken responsibility for the event */
  append(held: HeldExecution, event: CheckpointEvent, onConfirmed: () => void): void {
    this.#partitions[checkpointPartition(held.executionId)]?.append(held, event, onConfirmed);
  }

  /** Forgets what was not confirmed: this worker may not report it any more. */
  drop(): void {
    for (const partition of this.#partitions) partition.drop();
  }

  /** Resolves once all that was appended is confirmed or dropped. */
  async flushed(): Promise<void> {
    await Promise.all(this.#partitions.map((partition) => partition.flushed()));
  }
}
