import { TERMINAL_EVENTS, eventResource, type EventResource } from '@flux/contracts';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { failureOf, isPassing, parseJson, unreachable } from './failures.js';
import { pause } from './pause.js';

/** The server writes a heartbeat every 15 s: three missed ones are a connection that only seems to be there. */
const SILENCE_MS = 45_000;
export const MAX_FAILURES = 10;
const FIRST_BACKOFF_MS = 250;
const LONGEST_BACKOFF_MS = 5000;

export interface LiveSource {
  readonly serverUrl: string;
  /** Opens the stream after the event `lastEventId`. */
  connect(lastEventId: string | undefined, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** Whether the execution has ended. */
  hasEnded(): Promise<boolean>;
  readonly lastEventId?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Yields an execution's events, each once and in order, until its last. The first connection must succeed;
 * a later loss is made good from the last event seen, after 0.25, 0.5, 1, 2, 4, then 5 seconds.
 * Messages that are not events are skipped: a newer server may send some.
 */
export async function* liveEvents(source: LiveSource): AsyncGenerator<EventResource, void, undefined> {
  let lastEventId = source.lastEventId;
  let lastSeq = 0;
  let failures = 0;
  let ended = false;
  for (;;) {
    let lost: unknown;
    let isEmpty = true;
    try {
      for await (const message of connected({
        signal: source.signal,
        connect: (signal) => source.connect(lastEventId, signal),
      })) {
        const event = eventOf(source, message);
        if (!event || event.seq <= lastSeq) continue;
        isEmpty = false;
        failures = 0;
        lastSeq = event.seq;
        lastEventId = message.id || String(lastSeq);
        yield event;
        if ((TERMINAL_EVENTS as readonly string[]).includes(event.type)) return;
      }
      // Nothing came of an execution that had ended before the stream was opened: nothing will.
      if (isEmpty && ended) return;
      // A server that cannot be asked either is a lost connection like another.
      ended = isEmpty && (await source.hasEnded().catch(() => false));
    } catch (error) {
      source.signal?.throwIfAborted();
      if (!(error instanceof LostConnection) && !(failures > 0 && isPassing(error))) throw error;
      lost = error instanceof LostConnection ? error.cause : error;
    }
    failures += 1;
    if (failures > MAX_FAILURES) throw unreachable(source.serverUrl, lost);
    await pause(backoff(failures), source.signal);
  }
}

/** The messages of one connection, which ends with the iteration. */
export async function* connected(source: {
  readonly signal?: AbortSignal | undefined;
  connect(signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
}): AsyncGenerator<EventSourceMessage, void, undefined> {
  const connection = new AbortController();
  const signal = source.signal ? AbortSignal.any([source.signal, connection.signal]) : connection.signal;
  try {
    yield* messagesOf(await source.connect(signal), connection);
  } finally {
    connection.abort();
  }
}

/** The event of a message; a fault that the server meets on the way is a message too, `problem`. */
function eventOf(source: LiveSource, message: EventSourceMessage): EventResource | undefined {
  if (message.event === 'problem') {
    throw faultOf(source.serverUrl, message.data);
  }
  const parsed = eventResource.safeParse(parseJson(message.data));
  return parsed.success ? parsed.data : undefined;
}

/** The fault that a stream ended with: a connection that may be made again, or the server's error. */
export function faultOf(serverUrl: string, data: string): Error {
  const fault = failureOf(serverUrl, 200, 'text/event-stream', data);
  return isPassing(fault) ? new LostConnection('the server gave up', { cause: fault }) : fault;
}

export class LostConnection extends Error {}

async function* messagesOf(
  bytes: AsyncIterable<Uint8Array>,
  connection: AbortController,
): AsyncGenerator<EventSourceMessage, void, undefined> {
  const decoder = new TextDecoder();
  const messages: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (message) => messages.push(message) });
  const watchdog = setTimeout(() => connection.abort(), SILENCE_MS);
  try {
    for await (const chunk of readable(bytes)) {
      watchdog.refresh();
      parser.feed(decoder.decode(chunk, { stream: true }));
      yield* messages.splice(0);
    }
  } finally {
    clearTimeout(watchdog);
  }
}

/** Marks errors of the connection, so that those of whoever reads the events are not taken for one. */
async function* readable(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* bytes;
  } catch (error) {
    throw new LostConnection('the stream broke', { cause: error });
  }
}

/** How long to wait after so many failures in a row; milliseconds. */
export function backoff(failures: number): number {
  return Math.min(FIRST_BACKOFF_MS * 2 ** (failures - 1), LONGEST_BACKOFF_MS);
}
