import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ResponseMemory } from './response-memory.js';

// Each byte of text counts for three.
const MEMORY = 300;

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const forEver = new AbortController().signal;

describe('ResponseMemory', () => {
  const settled: string[] = [];
  beforeEach(() => void settled.splice(0));

  /** Notes under `name` how the promise settles. */
  const note = (name: string, promise: Promise<void>): void =>
    void promise.then(
      () => settled.push(name),
      (error: unknown) => settled.push(`${name}: ${(error as { code?: string }).code ?? String(error)}`),
    );
  const turn = () => jest.advanceTimersByTimeAsync(0);

  it('is given in the order in which it is asked for, and an answer that needs more than all gets all', async () => {
    const memory = new ResponseMemory(MEMORY);
    const [first, large, small] = [1, 2, 3].map(() => memory.share(() => forEver));
    await first?.hold(60);
    note('large', large!.hold(1_000));
    note('small', small!.hold(10));
    await turn();
    expect(settled).toEqual([]);
    expect(memory.tryHold(1)).toBeUndefined();
    first?.release();
    await turn();
    expect(settled).toEqual(['large']);
    large?.release();
    await turn();
    expect(settled).toEqual(['large', 'small']);
  });

  it('is given back before a share waits for more, so that none waits for ever', async () => {
    const memory = new ResponseMemory(MEMORY);
    const [one, other] = [memory.share(() => forEver), memory.share(() => forEver)];
    await Promise.all([one.hold(50), other.hold(50)]);
    note('one', one.hold(100));
    note('other', other.hold(100));
    await turn();
    expect(settled).toEqual(['one']);
    one.release();
    await turn();
    expect(settled).toEqual(['one', 'other']);
  });

  it('is refused after five seconds, but to a patient share', async () => {
    const memory = new ResponseMemory(MEMORY);
    const [holder, late, patient, begun] = [
      memory.share(() => forEver),
      memory.share(() => forEver),
      memory.share(() => forEver, true),
      memory.share(() => forEver),
    ];
    await begun.hold(10);
    begun.patient = true;
    await holder.hold(90);
    note('late', late.hold(20));
    note('patient', patient.hold(20));
    note('begun', begun.hold(20));
    await jest.advanceTimersByTimeAsync(4_999);
    expect(settled).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    expect(settled).toEqual(['late: SERVER_BUSY']);
    await jest.advanceTimersByTimeAsync(60_000);
    holder.release();
    await turn();
    expect(settled).toEqual(['late: SERVER_BUSY', 'patient', 'begun']);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('comes back when the client is gone, whether it is held or waited for', async () => {
    const memory = new ResponseMemory(MEMORY);
    const [holding, waiting, next] = [1, 2, 3].map(() => new AbortController());
    await memory.share(() => holding!.signal).hold(100);
    note('waiting', memory.share(() => waiting!.signal).hold(100));
    note('next', memory.share(() => next!.signal).hold(100));
    waiting?.abort('gone');
    await turn();
    expect(settled).toEqual(['waiting: gone']);
    holding?.abort();
    await turn();
    expect(settled).toEqual(['waiting: gone', 'next']);
    next?.abort();
    memory.tryHold(100)?.();
    expect(memory.tryHold(100)).toBeDefined();
    await expect(memory.share(() => next!.signal).hold(1)).rejects.toBeDefined();
  });
});
