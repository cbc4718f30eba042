import { isTerminal, type ExecutionState } from '@flux/domain';

/** Why an execution is neither paused nor resumed. */
export type ParkingRefusal =
  | { readonly kind: 'finished'; readonly state: ExecutionState }
  | { readonly kind: 'cancelling'; readonly state: ExecutionState };

export function refusalOf(state: ExecutionState): ParkingRefusal {
  return { kind: isTerminal(state) ? 'finished' : 'cancelling', state };
}
