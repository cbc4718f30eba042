/**
 * Names and kinds of everything Flux declares on a broker. A queue's kind decides its guarantees; its
 * version is part of its name, so that a changed declaration is a new queue and never a deleted one.
 */

/** How many checkpoint queues share the load; an execution always uses the same one. */
export const CHECKPOINT_PARTITIONS = 4;

/**
 * The most bytes of JSON that one message may have: far below the limit of every broker (RabbitMQ 4 takes 16 MiB), and
 * little enough for a slow link to carry many of them a second.
 */
export const MESSAGE_LIMIT_BYTES = 128 * 1024;

/** The most bytes, before base64, that one piece of a value has. */
export const PIECE_BYTES = 66 * 1024;

/** Far longer than the pause after which a message that nobody took is sent again. */
export const LAPSE_AFTER_MS = 7 * 24 * 3_600_000;

export type QueueKind =
  /** Durable quorum queue shared by competing consumers; past the delivery limit: dead letters. */
  | 'work'
  /** A `work` queue that is gone with its messages when nobody has consumed it for {@link LAPSE_AFTER_MS}. */
  | 'lapsing-work'
  /** Durable quorum queue with a single active consumer: deliveries keep their order. */
  | 'ordered'
  /** Requests that expire with their asker: classic, durable, shared; messages are transient. */
  | 'requests'
  /** As `requests`, for those whose requests or replies carry data. */
  | 'data-requests'
  /** Belongs to one connection and dies with it. */
  | 'exclusive'
  /** The end of rejected messages, whole; never consumed by Flux itself. */
  | 'dead-letters';

/** A queue to publish to, to request from or to subscribe to. */
export interface QueueAddress {
  readonly kind: QueueKind;
  readonly name: string;
}

/** A fan-out: every subscriber gets its own copy while it is connected. */
export interface TopicAddress {
  readonly kind: 'topic';
  readonly name: string;
}

export type Address = QueueAddress | TopicAddress;

/** The addresses of one deployment. */
export interface Topology {
  readonly namespace: string;
  /** Executions of one workflow that wait for their first worker, whichever version that has. */
  run(workflowName: string): QueueAddress;
  /** Executions that have begun on one version of a workflow (`null`: without one) and wait for a worker that has it. */
  begun(workflowName: string, version: string | null): QueueAddress;
  /** The checkpoints of the executions of one partition, `0 ≤ partition < CHECKPOINT_PARTITIONS`. */
  checkpoints(partition: number): QueueAddress;
  /** The queue of what workers tell the api of themselves: register, heartbeat, deregister. */
  readonly requests: QueueAddress;
  /** The queue of what workers ask the api for with data in it: claim, history, inputs, pieces of values. */
  readonly dataRequests: QueueAddress;
  /** Cancels and pings for one worker incarnation. */
  control(workerId: string): QueueAddress;
  /** State updates for sync waits and event streams of every api replica. */
  readonly updates: TopicAddress;
  readonly deadLetters: QueueAddress;
}

/** The topology under `namespace` (`FLUX_NAMESPACE`), which prefixes every name. */
export function createTopology(namespace: string): Topology {
  return {
    namespace,
    run: (workflowName) => ({ kind: 'work', name: `${namespace}.run.v1.${workflowName}` }),
    // No name and no version has an @.
    begun: (workflowName, version) => ({
      kind: 'lapsing-work',
      name: `${namespace}.begun.v1.${workflowName}@${version ?? ''}`,
    }),
    checkpoints: (partition) => ({ kind: 'ordered', name: `${namespace}.checkpoints.v1.${partition}` }),
    requests: { kind: 'requests', name: `${namespace}.requests.v1` },
    dataRequests: { kind: 'data-requests', name: `${namespace}.data-requests.v1` },
    control: (workerId) => ({ kind: 'exclusive', name: `${namespace}.control.${workerId}` }),
    updates: { kind: 'topic', name: `${namespace}.updates.v1` },
    deadLetters: { kind: 'dead-letters', name: `${namespace}.dead-letters.v1` },
  };
}

/** The queue in which a run message waits for its worker. */
export function runQueue(
  topology: Pick<Topology, 'run' | 'begun'>,
  message: { readonly workflowName: string; readonly version?: string | null | undefined },
): QueueAddress {
  const { workflowName, version } = message;
  return version === undefined ? topology.run(workflowName) : topology.begun(workflowName, version);
}

/**
 * The partition of an execution: FNV-1a (32 bit) over its id, so that ids made in sequence spread evenly.
 */
export function checkpointPartition(executionId: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < executionId.length; index += 1) {
    hash = Math.imul(hash ^ executionId.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0) % CHECKPOINT_PARTITIONS;
}
