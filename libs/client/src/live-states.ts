import { isPassing, parseJson, unreachable } from './failures.js';
import { LostConnection, backoff, connected, faultOf, MAX_FAILURES } from './live-events.js';
import { pause } from './pause.js';
import type { Schema } from './transport.js';

export interface StateSource<T> {
  readonly serverUrl: string;
  readonly schema: Schema<T>;
  readonly isLast: (state: T) => boolean;
  /** Opens the stream, which begins with the present state. */
  connect(signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  readonly signal?: AbortSignal | undefined;
}

/** Yields what a stream tells of something until its last state; a connection that is lost is made again. */
export async function* liveStates<T>(source: StateSource<T>): AsyncGenerator<T, void, undefined> {
  let failures = 0;
  for (;;) {
    let lost: unknown;
    try {
      for await (const message of connected(source)) {
        if (message.event === 'problem') throw faultOf(source.serverUrl, message.data);
        const parsed = source.schema.safeParse(parseJson(message.data));
        if (!parsed.success) continue;
        failures = 0;
        yield parsed.data;
        if (source.isLast(parsed.data)) return;
      }
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
