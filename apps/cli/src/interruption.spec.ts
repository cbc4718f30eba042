import { describe, expect, it } from '@jest/globals';
import { Interrupted } from './errors.js';
import { interruptible } from './interruption.js';

describe('interruptible', () => {
  it('keeps its listener until the work has ended: a library that finds itself alone ends the process', async () => {
    const before = process.listenerCount('SIGINT');
    const work = interruptible(
      (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => setImmediate(() => reject(signal.reason as Error)));
        }),
    );
    process.emit('SIGINT');
    expect(process.listenerCount('SIGINT')).toBe(before + 1);
    await expect(work).rejects.toBeInstanceOf(Interrupted);
    expect(process.listenerCount('SIGINT')).toBe(before);
  });
});
