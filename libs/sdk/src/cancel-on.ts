import { assertOptions, NAME } from './options.js';

/** An event that cancels the executions of a workflow whose input has the event's key. */
export interface CancelOn {
  /** The event's name: 1 to 128 letters, digits, `_`, `-` and `.`. */
  readonly event: string;
  /** The place of the key in the input, as it was given: a dotted path such as `order.id` or `lines.0.sku`. */
  readonly key: string;
}

const MOST_EVENTS = 16;
const LONGEST_PATH = 255;
const PATH = /^[^.]+(\.[^.]+)*$/;

/**
 * A copy of what `cancelOn` says, each once.
 * @throws TypeError for a name that no event can have, a path that cannot lead anywhere, or what is neither
 */
export function toCancelOn(owner: string, entries: unknown): readonly CancelOn[] {
  if (entries === undefined) return [];
  if (!Array.isArray(entries) || entries.length > MOST_EVENTS) {
    throw new TypeError(`${owner}: cancelOn is a list of at most ${MOST_EVENTS} { event, key }`);
  }
  const copies = entries.map((entry: unknown) => toEntry(owner, entry));
  return [...new Map(copies.map((copy) => [`${copy.event} ${copy.key}`, copy])).values()];
}

function toEntry(owner: string, entry: unknown): CancelOn {
  if (typeof entry !== 'object' || entry === null) {
    throw new TypeError(`${owner}: an entry of cancelOn is { event, key }, not ${JSON.stringify(entry)}`);
  }
  assertOptions(`${owner}, cancelOn`, entry, ['event', 'key']);
  const { event, key } = entry as Partial<Record<'event' | 'key', unknown>>;
  if (typeof event !== 'string' || !NAME.test(event)) {
    throw new TypeError(
      `${owner}: an event of cancelOn is named by 1 to 128 letters, digits, _, - or ., not ${JSON.stringify(event)}`,
    );
  }
  if (typeof key !== 'string' || key.length > LONGEST_PATH || !PATH.test(key)) {
    throw new TypeError(
      `${owner}: the key of event '${event}' is a path into the input such as 'order.id', not ${JSON.stringify(key)}`,
    );
  }
  return Object.freeze({ event, key });
}
