/** How often a delivery may come back before it goes to the dead letters; RabbitMQ 3.10 and 4 alike. */
export const DEFAULT_DELIVERY_LIMIT = 20;

const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 30_000;

/**
 * Milliseconds before a delivery whose handler threw comes back: 250 ms, doubling to 30 s, so that the
 * default limit outlasts some seven minutes of a broken dependency.
 * @param returns how often the delivery has come back before, ≥ 0
 */
export function retryDelayMs(returns: number): number {
  return Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** returns);
}

/** The JSON text of a body; `undefined`, which JSON does not know, becomes `null`. */
export function encodeBody(body: unknown): string {
  return JSON.stringify(body) ?? 'null';
}

/** An error as a reason or a log line has it. */
export function describeError(error: unknown): string {
  // Node reports a refused connection to a name of several addresses with an empty message.
  if (error instanceof AggregateError && error.errors.length > 0) return describeError(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
