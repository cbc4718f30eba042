import { backoff } from '@flux/domain';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { failureOf, isPassing, unreachable } from './failures.js';
import { pause } from './pause.js';

/** The server writes a heartbeat every 15 s: three missed ones are a connection that only seems to be there. */
const SILENCE_MS = 45_000;
const MAX_FAILURES = 10;
const RECONNECTS = { firstMs: 250, longestMs: 5000 };

export interface LiveSource<T> {
  readonly serverUrl: string;
  readonly signal?: AbortSignal | undefined;
  connect(signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** `undefined` for a message that tells nothing, or nothing new: a newer server may send some. */
  read(message: EventSourceMessage): T | undefined;
  isLast(told: T): boolean;
  /** Whether a stream that told nothing will never tell anything. */
  hasEnded(): Promise<boolean>;
}

/**
 * Yields what a stream tells until the last of it. The first connection must succeed; a later loss is made good after
 * 0.25, 0.5, 1, 2, 4, then 5 seconds.
 */
export async function* live<T>(source: LiveSource<T>): AsyncGenerator<T, void, undefined> {
  const { serverUrl, signal } = source;
  let ended = false;
  let losses = 0;
  for (;;) {
    let lost: unknown;
    let isEmpty = true;
    try {
      for await (const message of messagesOf(source)) {
        if (message.event === 'problem') throw faultOf(serverUrl, message.data);
        const told = source.read(message);
        if (told === undefined) continue;
        isEmpty = false;
        losses = 0;
        yield told;
        if (source.isLast(told)) return;
      }
      // The last had been told before the stream was opened, and nothing came: nothing will.
      if (isEmpty && ended) return;
      // A server that cannot be asked either is a lost connection like another.
      ended = isEmpty && (await source.hasEnded().catch(() => false));
    } catch (error) {
      signal?.throwIfAborted();
      // Where the first connection fails, another would not help.
      if (!(error instanceof LostConnection) && !(losses > 0 && isPassing(error))) throw error;
      lost = error instanceof LostConnection ? error.cause : error;
    }
    losses += 1;
    if (losses > MAX_FAILURES) throw unreachable(serverUrl, lost);
    await pause(backoff(RECONNECTS, losses - 1), signal);
  }
}

/** The messages of one connection, which ends with the iteration. */
async function* messagesOf(
  source: Pick<LiveSource<unknown>, 'signal' | 'connect'>,
): AsyncGenerator<EventSourceMessage, void, undefined> {
  const connection = new AbortController();
  const signal = source.signal ? AbortSignal.any([source.signal, connection.signal]) : connection.signal;
  const decoder = new TextDecoder();
  const messages: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (message) => messages.push(message) });
  let watchdog: NodeJS.Timeout | undefined;
  try {
    const bytes = await source.connect(signal);
    watchdog = setTimeout(() => connection.abort(), SILENCE_MS);
    for await (const chunk of readable(bytes)) {
      watchdog.refresh();
      parser.feed(decoder.decode(chunk, { stream: true }));
      yield* messages.splice(0);
    }
  } finally {
    clearTimeout(watchdog);
    connection.abort();
  }
}

/** The fault that a stream ended with: a connection that may be made again, or the server's error. */
function faultOf(serverUrl: string, data: string): Error {
  const fault = failureOf(serverUrl, 200, 'text/event-stream', data);
  return isPassing(fault) ? new LostConnection('the server gave up', { cause: fault }) : fault;
}

class LostConnection extends Error {}

/** Marks errors of the connection, so that those of whoever reads the events are not taken for one. */
async function* readable(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* bytes;
  } catch (error) {
    throw new LostConnection('the stream broke', { cause: error });
  }
}
