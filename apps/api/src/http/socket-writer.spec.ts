import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { writeTo } from './socket-writer.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** A response whose reader takes nothing by itself. */
class Unread extends EventEmitter {
  destroyed = false;
  writableEnded = false;
  readonly written: string[] = [];

  write(text: string): boolean {
    this.written.push(text);
    return false;
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

const write = (raw: Unread, text: string): Promise<void> => writeTo(raw as unknown as ServerResponse, text);

test('a reader that takes what is sent is waited for', async () => {
  const raw = new Unread();
  const writing = write(raw, 'x');
  await jest.advanceTimersByTimeAsync(59_000);
  raw.emit('drain');
  await writing;
  expect([raw.destroyed, raw.listenerCount('drain'), jest.getTimerCount()]).toEqual([false, 0, 0]);
});

test('a reader that takes nothing is cut off after a minute, and a second more for each 32 KiB', async () => {
  for (const [size, afterMs] of [
    [1, 60_000],
    [320 * 1024, 70_000],
  ] as const) {
    const raw = new Unread();
    const writing = write(raw, 'x'.repeat(size));
    await jest.advanceTimersByTimeAsync(afterMs - 1);
    expect(raw.destroyed).toBe(false);
    await jest.advanceTimersByTimeAsync(2);
    await writing;
    expect(raw.destroyed).toBe(true);
    // Nothing is written to one who is gone.
    await write(raw, 'more');
    expect(raw.written).toHaveLength(1);
  }
});
