import { CHECKPOINT_PARTITIONS, checkpointPartition } from '@flux/contracts';
import { CheckpointPartition } from './checkpoint-partition.js';
import type { Attempt } from '../attempts/attempt.js';
import { Uploads } from '../ownership/uploads.js';
import type { WorkerBus } from '../ownership/worker-bus.js';
import type { ToldEvent } from '../wire/packed-event.js';

/** Carries events of executions to the api: in order, and again until the broker has confirmed them. */
export class Checkpoints {
  readonly #partitions: readonly CheckpointPartition[];
  readonly #uploads: Uploads;

  constructor(worker: WorkerBus) {
    const { bus, topology, workerId, log } = worker;
    const uploads = new Uploads(worker);
    this.#uploads = uploads;
    this.#partitions = Array.from({ length: CHECKPOINT_PARTITIONS }, (_, partition) => {
      return new CheckpointPartition({
        bus,
        address: topology.checkpoints(partition),
        workerId,
        log,
        uploads,
      });
    });
  }

  /** How many messages and pieces have got through; it rises as long as any do. */
  get sent(): number {
    return this.#partitions.reduce((sum, { sent }) => sum + sent, this.#uploads.sent);
  }

  /**
   * @param onConfirmed called once the broker has taken responsibility for the event
   * @throws what JSON.stringify throws; the event is not sent then
   */
  append(attempt: Attempt, event: ToldEvent, onConfirmed: () => void): void {
    this.#partitions[checkpointPartition(attempt.executionId)]?.append(attempt, event, onConfirmed);
  }

  /** Forgets the events that were not confirmed: this worker may not report them any more. */
  drop(): void {
    for (const partition of this.#partitions) partition.drop();
  }

  /** Resolves once all that was appended is confirmed or dropped. */
  async flushed(): Promise<void> {
    await Promise.all(this.#partitions.map((partition) => partition.flushed()));
  }
}
