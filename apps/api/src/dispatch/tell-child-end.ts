import type { ChildMessage, QueueAddress } from '@flux/contracts';
import { MessageTooLargeError, type Bus, type PublishOptions } from '@flux/messaging';

/**
 * Tells the owner of an execution that a child has ended. An end that is too large for a message goes without its value,
 * which the owner asks for.
 * @throws as `publish` does
 */
export async function tellChildEnd(
  bus: Bus,
  owner: QueueAddress,
  body: ChildMessage,
  options: PublishOptions,
): Promise<void> {
  try {
    await bus.publish(owner, 'child', body, options);
  } catch (error) {
    if (!(error instanceof MessageTooLargeError)) throw error;
    const { end: _, ...entry } = body.entry;
    await bus.publish(owner, 'child', { ...body, entry }, options);
  }
}
