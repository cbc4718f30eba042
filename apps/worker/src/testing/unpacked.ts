import type { CheckpointEvent } from '@flux/contracts';
import { isPacked, type ToldEvent } from '../wire/packed-event.js';
import type { FromRunner } from '../wire/protocol.js';

/** The event as the api reads it. */
export function unpacked(event: ToldEvent): CheckpointEvent {
  return isPacked(event) ? (JSON.parse(new TextDecoder().decode(event.json)) as CheckpointEvent) : event;
}

/** The events among what a runner tells. */
export const eventsOf = (messages: readonly FromRunner[]): CheckpointEvent[] =>
  messages.flatMap((message) => (message.kind === 'event' ? [unpacked(message.event)] : []));
