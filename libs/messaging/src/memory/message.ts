/** A message in one queue; a topic makes one for each subscriber. Bodies stay JSON text until delivery. */
export interface MemoryMessage {
  /** Position among all messages of the broker: lower was published earlier. */
  readonly sequence: number;
  readonly type: string;
  readonly content: string;
  /** On the clock of `performance.now()`; `Infinity` for a message that does not expire. */
  readonly expiresAt: number;
  readonly reply?: (content: string) => void;
  /** Why it is among the dead letters, and the queue it came from. */
  readonly death?: { readonly reason: string; readonly queue: string };
  /** How often it was handed to a handler. */
  deliveries: number;
}
