import type { ServerResponse } from 'node:http';
import { LongTimer } from '@flux/domain';

/** How long a reader may take for what is sent at once, besides a second for each {@link SLOWEST_BYTES}. */
const PATIENCE_MS = 60_000;
const SLOWEST_BYTES = 32 * 1024;

/**
 * Writes, and resolves once the reader can take more, or is gone. A reader that takes nothing is cut off, since what it does
 * not read stays in memory.
 */
export async function writeTo(raw: ServerResponse, text: string): Promise<void> {
  if (text === '' || raw.destroyed || raw.writableEnded || raw.write(text)) return;
  await new Promise<void>((resolve) => {
    const settle = (): void => {
      timer.clear();
      raw.off('drain', settle);
      raw.off('close', settle);
      resolve();
    };
    const timer = cutOffAfter(raw, text);
    raw.on('drain', settle);
    raw.on('close', settle);
  });
}

/** Cuts the reader of a whole answer off, if it takes nothing. */
export function expectRead(raw: ServerResponse, text: string): void {
  if (text.length < raw.writableHighWaterMark) return;
  const timer = cutOffAfter(raw, text);
  raw.once('close', () => timer.clear());
}

function cutOffAfter(raw: ServerResponse, text: string): LongTimer {
  return new LongTimer(PATIENCE_MS + (text.length / SLOWEST_BYTES) * 1000, () => raw.destroy());
}
