import { CHECKPOINT_PARTITIONS, type Address, type Topology } from '@flux/contracts';

export interface BusSubscription {
  readonly address: Address;
  readonly prefetch: number;
}

/**
 * The queues that the api consumes. A prefetch is as much as one transaction can take together, with the next one
 * waiting.
 */
export function busSubscriptions(topology: Topology): BusSubscription[] {
  const partitions = Array.from({ length: CHECKPOINT_PARTITIONS }, (_, partition) => ({
    address: topology.checkpoints(partition),
    prefetch: 64,
  }));
  return [
    { address: topology.requests, prefetch: 256 },
    { address: topology.dataRequests, prefetch: 256 },
    ...partitions,
    { address: topology.updates, prefetch: 256 },
  ];
}
