import { describe, expect, test } from '@jest/globals';
import { task } from '@flux/sdk';
import { deferred, failing, gated, linger, settle, Trial, untilAborted } from '../testing/trial.js';
import type { TaskCall, TaskInterruption } from './host.js';

/** A host that keeps account of tasks, and what it was told. */
function account() {
  const begun: Array<[callId: string, hasRollback: boolean]> = [];
  const interrupted: TaskInterruption[] = [];
  return {
    begun,
    interrupted,
    host: {
      taskBegins: ({ callId }: TaskCall, hasRollback: boolean) => void begun.push([callId, hasRollback]),
      taskInterrupted: (event: TaskInterruption) => void interrupted.push(event),
    },
  };
}

describe('a task that has begun', () => {
  test('is told before its first line, once whatever its tries', async () => {
    const { begun, interrupted, host } = account();
    const seen: number[] = [];
    const first = task('first', async () => void seen.push(begun.length), { rollback: () => undefined });
    const broken = failing('no', { retry: { maxAttempts: 3, delay: 1 } });
    const trial = new Trial(async (ctx) => {
      await ctx.run(first);
      await ctx.run(broken).catch(() => undefined);
    }, host);
    await trial.finished;
    expect(seen).toEqual([1]);
    expect(begun).toEqual([
      ['first#0', true],
      ['broken#0', false],
    ]);
    expect(interrupted).toEqual([]);
  });

  test('and is cut off by a cancel is told of once its function has settled, and how (elsewhere: no event for a task that a cancel cut off)', async () => {
    const { interrupted, host } = account();
    const late = gated('late');
    const again = failing('again', { retry: { maxAttempts: 5, delay: '1h', maxDelay: '1h' } });
    const trial = await Trial.begun(
      async (ctx) => Promise.all([ctx.run(linger), ctx.run(late), ctx.run(again)]),
      host,
    );
    trial.cancel();
    await settle();
    const told = () => interrupted.map(({ callId, how, settled }) => [callId, how, settled]);
    expect(told()).toEqual([
      ['broken#0', 'rejected', undefined],
      ['linger#0', 'rejected', 'threw'],
    ]);
    late.open();
    await trial.finished;
    expect(told().slice(2)).toEqual([['late#0', 'rejected', 'returned']]);
    expect(trial.events).toEqual([]);
  });

  test('and completes after the cancel with a rollback is a result, which is undone', async () => {
    const { interrupted, host } = account();
    const booked = gated('book', { rollback: () => undefined });
    const trial = await Trial.begun(async (ctx) => ctx.run(booked), host);
    trial.cancel();
    booked.open();
    await trial.finished;
    expect(interrupted).toEqual([]);
    expect(trial.types).toEqual(['task_completed', 'rollback_finished']);
  });

  test('and is left by its scope, or by a body that returns, is cut off too', async () => {
    const { interrupted, host } = account();
    const unwinding = deferred();
    const slow = task('slow', (ctx) => untilAborted(ctx).catch(() => unwinding.promise));
    const trial = await Trial.begun(async (ctx) => {
      await ctx.scope(async () => void ctx.run(linger).catch(() => undefined));
      void ctx.run(slow).catch(() => undefined);
    }, host);
    unwinding.resolve();
    expect(await trial.finished).toMatchObject({ outcome: 'completed' });
    expect(interrupted.map(({ name, settled }) => [name, settled])).toEqual([
      ['linger', 'threw'],
      ['slow', 'returned'],
    ]);
  });
});
