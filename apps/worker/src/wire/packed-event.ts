import type { CheckpointEvent } from '@flux/contracts';
import { INLINE_LIMIT_BYTES } from '@flux/contracts/plain';

/**
 * A large event as it goes to the api: its JSON text in UTF-8. On the way no value is made of it again, so that it neither
 * fills the supervisor's heap nor holds its event loop up.
 */
export interface PackedEvent {
  readonly type: Exclude<CheckpointEvent['type'], Untouched>;
  /** Whether the body had been told of a cancel. */
  readonly signalled: boolean;
  /** Whether nothing needs it any more once the body was told of a cancel before the event was safe. */
  readonly isMoot: boolean;
  /** Recorded in its place where it is left out because of that. */
  readonly instead?: Extract<CheckpointEvent, { type: 'task_interrupted' }>;
  /** Of what a call ends with. */
  readonly callId?: string | null;
  readonly json: Uint8Array<ArrayBuffer>;
}

/** The supervisor changes these on the way. */
type Untouched = 'timer_started' | 'parked';

export type ToldEvent = CheckpointEvent | PackedEvent;

export function isPacked(event: ToldEvent): event is PackedEvent {
  return 'json' in event;
}

/** Whether the event shows that the body had been told of a cancel. */
export function isSignalled(event: ToldEvent): boolean {
  if (isPacked(event) || event.type === 'finished') return event.signalled;
  return 'inCleanup' in event && event.inCleanup;
}

/** A bulky event, packed if it is too large for a message. */
export function pack(event: CheckpointEvent, isMoot: boolean): ToldEvent {
  if (event.type === 'timer_started' || event.type === 'parked') return event;
  const text = JSON.stringify(event);
  const bytes = Buffer.byteLength(text);
  if (bytes <= INLINE_LIMIT_BYTES) return event;
  const json = new Uint8Array(bytes);
  new TextEncoder().encodeInto(text, json);
  const told = { type: event.type, signalled: isSignalled(event), isMoot, json };
  return 'callId' in event ? { ...told, callId: event.callId } : told;
}
