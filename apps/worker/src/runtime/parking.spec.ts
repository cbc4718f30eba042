import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { task, type ExecutionContext } from '@flux/sdk';
import type { HistoryEntry } from '@flux/contracts';
import { deferred, done, gated, flow, request, settle, timer, Trial } from '../testing/trial.js';

const HOUR_MS = 3_600_000;
const parking = { parkAfterMs: 5_000 };
const noop = task('noop', () => Promise.resolve('done'));
const resumed = (callId: string, value: unknown): HistoryEntry => ({
  type: 'resumed',
  callId,
  name: callId.slice('$pause.'.length, callId.indexOf('#')),
  value,
});

describe('a long sleep', () => {
  const sleeps = flow(async (ctx) => {
    await ctx.run(noop);
    await ctx.sleep('1h');
    return ctx.run(noop);
  });

  it('parks until it is due, once its timer is on its way to the record', async () => {
    const trial = new Trial(sleeps, parking);
    const event = await trial.parked;
    expect(event).toMatchObject({ kind: 'sleep', callId: '$sleep#0', name: null });
    expect((event.dueAt ?? 0) - Date.now()).toBeGreaterThan(HOUR_MS - 5_000);
    expect(trial.types).toEqual(['task_completed', 'timer_started']);
  });

  it('parks again when a replay finds it not due, without a second record', async () => {
    const dueAt = Date.now() + HOUR_MS;
    const trial = new Trial(sleeps, { ...parking, history: [done('noop#0', 1), timer(dueAt)] });
    expect(await trial.parked).toMatchObject({ kind: 'sleep', dueAt });
    expect(trial.events).toEqual([]);
  });

  it('is over at once in a replay after it was due', async () => {
    const history = [done('noop#0', 1), timer(Date.now() - 1)];
    expect(await new Trial(sleeps, { ...parking, history }).finished).toMatchObject({ outcome: 'completed' });
  });

  it('of a few seconds stays in memory', async () => {
    const trial = await Trial.begun((ctx) => ctx.sleep('4s'), parking);
    expect(trial.ended).toBe(false);
    trial.cancel();
    expect(await trial.finished).toMatchObject({ outcome: 'cancelled' });
  });

  it('of several parks until the earliest, in Promise.all and in a race', async () => {
    for (const all of [Promise.all.bind(Promise), Promise.race.bind(Promise)]) {
      const both = flow((ctx) => all([ctx.sleep('2h'), ctx.sleep('1h')]));
      expect(await new Trial(both, parking).parked).toMatchObject({ kind: 'sleep', callId: '$sleep#1' });
    }
  });

  it('beside a shorter one waits for that in memory', async () => {
    const began = performance.now();
    const trial = new Trial((ctx) => Promise.all([ctx.sleep('1h'), ctx.sleep(60)]), parking);
    expect(await trial.parked).toMatchObject({ callId: '$sleep#0' });
    expect(performance.now() - began).toBeGreaterThan(55);
  });
});

describe('an execution is not parked', () => {
  it('while a task is under way, nor while its result is not safe', async () => {
    const slow = gated<string>('slow');
    const both = flow((ctx) => Promise.all([ctx.sleep('1h'), ctx.run(slow)]));
    const trial = await Trial.begun(both, { ...parking, manual: true });
    expect(trial.ended).toBe(false);
    slow.open('done');
    await settle();
    expect(trial.ended).toBe(false);
    trial.confirm();
    expect(await trial.parked).toMatchObject({ kind: 'sleep' });
  });

  it('while a task whose time was up is unwinding', async () => {
    const stuck = gated('stuck', { timeout: 10 });
    const body = flow(async (ctx) => {
      await ctx.run(stuck).catch(() => undefined);
      await ctx.pause('approval');
    });
    const trial = new Trial(body, parking);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(trial.ended).toBe(false);
    stuck.open();
    expect(await trial.parked).toMatchObject({ kind: 'pause', name: 'approval' });
  });

  it('while a shield runs', async () => {
    const trial = await Trial.begun((ctx) => ctx.shield(() => ctx.sleep('1h')), parking);
    expect(trial.ended).toBe(false);
    trial.execution.stop(new Error('over'));
    await trial.finished;
  });

  it('once it is cancelled: what it does then waits in memory', async () => {
    const body = flow(async (ctx) => {
      try {
        await ctx.sleep('4s');
      } finally {
        await ctx.shield(() => ctx.sleep(20));
      }
    });
    const trial = new Trial(body, { parkAfterMs: 0 });
    trial.cancel();
    expect(await trial.finished).toMatchObject({ outcome: 'cancelled', cleanup: 'succeeded' });
  });
});

describe('a place', () => {
  const childEnded = (trial: Trial): void => {
    const callId = trial.callIds.find((id) => id.startsWith('$call.')) ?? '';
    const end = { state: 'COMPLETED', output: 7 } as const;
    trial.execution.childEnded({
      type: 'child_finished',
      callId,
      name: '$call.child',
      number: 1,
      end,
      at: 0,
    });
  };
  const inShield = flow((ctx) => ctx.shield(() => ctx.call('child')));

  it('is lent while only a child is waited for in a shield, and taken back before the body goes on', async () => {
    const trial = await Trial.begun(inShield, parking);
    expect(trial.waits).toEqual([true]);
    childEnded(trial);
    expect(await trial.finished).toMatchObject({ output: 7 });
    expect(trial.waits).toEqual([true, false]);
  });

  it('is lent by a cancel handler that waits for a child, and by a cancelled body that waits for the end of one', async () => {
    const body = flow((ctx) => {
      ctx.onCancel(async () => void (await ctx.call('child')));
      return ctx.sleep('1h');
    });
    const handler = await Trial.begun(body);
    handler.cancel();
    await settle();
    await settle();
    expect(handler.waits).toEqual([true]);
    childEnded(handler);
    expect(await handler.finished).toMatchObject({ outcome: 'cancelled', cleanup: 'succeeded' });
    expect(handler.waits).toEqual([true, false]);
    const parent = await Trial.begun((ctx) => ctx.call('child'));
    parent.cancel();
    await settle();
    await settle();
    expect(parent.waits).toEqual([true]);
    childEnded(parent);
    expect(await parent.finished).toMatchObject({ outcome: 'cancelled' });
  });

  it('is kept while a task is under way beside the child', async () => {
    const slow = gated('slow');
    const trial = await Trial.begun((ctx) =>
      ctx.shield(() => Promise.all([ctx.call('child'), ctx.run(slow)])),
    );
    expect(trial.waits).toEqual([]);
    slow.open();
    await settle();
    expect(trial.waits).toEqual([true]);
    childEnded(trial);
    await trial.finished;
    expect(trial.waits).toEqual([true, false]);
  });
});

describe('what is parked', () => {
  it('settles nothing any more, and neither a cancel nor a stray error of it wakes its body', async () => {
    const seen: unknown[] = [];
    const stray = deferred();
    const body = flow(async (ctx) => {
      const sleeping = ctx.sleep('1h').then(
        () => seen.push('slept'),
        (error: unknown) => seen.push(error),
      );
      await stray.promise;
      seen.push('went on');
      await ctx.run(noop);
      seen.push('ran');
      await sleeping;
    });
    const trial = new Trial(body, parking);
    await trial.parked;
    trial.execution.fail(new Error('thrown by a callback'));
    stray.resolve();
    await settle();
    expect(seen).toEqual(['went on']);
    expect(trial.types).toEqual(['timer_started']);
  });
});

describe('the memory of what is parked', () => {
  it('is free, its body included', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const held = await (async () => {
      const thing = { big: new Array<number>(1_000).fill(1) };
      const body = flow(async (ctx) => {
        const { big } = thing;
        await Promise.race([ctx.sleep('1h'), ctx.pause('approval')]);
        return big.length;
      });
      const trial = new Trial(body, parking);
      await trial.parked;
      return new WeakRef(trial.execution);
    })();
    await settle();
    // A look at the reference keeps its body for the rest of that turn.
    await settle();
    collect();
    await settle();
    expect(held.deref()).toBeUndefined();
  });
});

describe('ctx.pause', () => {
  it.each(['', 'x'.repeat(101), 'a\0b', 'half \ud83d', 5 as unknown as string])(
    'has no name that could not be stored: %j',
    async (name) => {
      const { error } = await new Trial((ctx) => ctx.pause(name)).finished;
      expect(error).toMatchObject({
        name: 'TypeError',
        message: expect.stringMatching(/^the name of a pause is/),
      });
    },
  );

  const approve = flow(async (ctx) => ({ approved: await ctx.pause('approval') }));

  it('parks under its name and returns what it is resumed with', async () => {
    const event = await new Trial(approve, parking).parked;
    expect(event).toMatchObject({
      kind: 'pause',
      callId: '$pause.approval#0',
      name: 'approval',
      dueAt: null,
    });
    const trial = new Trial(approve, { ...parking, history: [resumed('$pause.approval#0', { by: 'ada' })] });
    expect(await trial.finished).toMatchObject({ output: { approved: { by: 'ada' } } });
  });

  it('with a sleep beside it tells when that is due', async () => {
    const limited = flow((ctx) => Promise.race([ctx.pause('approval'), ctx.sleep('1h')]));
    const event = await new Trial(limited, parking).parked;
    expect(event).toMatchObject({ kind: 'pause', name: 'approval' });
    expect(event.dueAt).toBeGreaterThan(Date.now());
  });

  it('of several at once names the first; one left behind does not stand in the way of the next', async () => {
    const both = flow((ctx) => Promise.all([ctx.pause('a'), ctx.pause('b')]));
    expect(await new Trial(both, parking).parked).toMatchObject({ name: 'a' });
    expect(await new Trial(both, { ...parking, history: [resumed('$pause.a#0', 1)] }).parked).toMatchObject({
      name: 'b',
    });
    const late = flow(async (ctx) => {
      await Promise.race([ctx.pause('a'), ctx.sleep(1)]);
      await ctx.pause('b');
    });
    expect(await new Trial(late, parking).parked).toMatchObject({ name: 'b' });
  });

  it('throws in a shield, and for what is no name', async () => {
    const shielded = flow((ctx) => ctx.shield(() => ctx.pause('approval')));
    expect(await new Trial(shielded).finished).toMatchObject({ error: { message: /shield/ as never } });
    expect(await new Trial((ctx) => ctx.pause('')).finished).toMatchObject({ outcome: 'failed' });
  });
});

describe('a race in a replay', () => {
  const limited = flow(async (ctx) => {
    const winner = await Promise.race([ctx.pause('approval'), ctx.sleep('1h').then(() => 'late')]);
    await ctx.run(noop);
    return winner;
  });

  const both = flow((ctx) =>
    Promise.race([ctx.sleep('2h').then(() => 'second'), ctx.sleep('1h').then(() => 'first')]),
  );
  const yes = resumed('$pause.approval#0', 'yes');
  const ran = done('noop#0', 1);

  it.each([
    ['by the recorded resume, though the sleep is due by now too', limited, [timer(1), yes, ran], 'yes'],
    ['by the sleep where the record goes on without a resume', limited, [timer(1), ran], 'late'],
    ['by the one of due sleeps that was due first', both, [timer(2), timer(1, '$sleep#1')], 'first'],
  ])('is won %s', async (_who, body, history, output) => {
    expect(await new Trial(body, { ...parking, history }).finished).toMatchObject({ output });
  });

  it('is won by the sleep that ended before a task did, whose result came later', async () => {
    const slow = gated<string>('slow');
    const body = flow(async (ctx) => {
      const winner = await Promise.race([ctx.run(slow), ctx.sleep(20).then(() => 'late')]);
      slow.open('slow');
      await ctx.run(noop);
      await ctx.pause('approval');
      return winner;
    });
    const first = new Trial(body, parking);
    await first.parked;
    expect(first.types).toContain('value_recorded');
    const history = [...first.history, resumed('$pause.approval#0', null)];
    const second = new Trial(body, { ...parking, history });
    expect(await second.finished).toMatchObject({ outcome: 'completed', output: 'late' });
    expect(second.events).toEqual([]);
  });

  it('is won again by the sleep that woke it, whatever is recorded after', async () => {
    const woken = new Trial(limited, { ...parking, history: [timer(1)] });
    await woken.finished;
    const history = [timer(1), ...woken.history, yes];
    expect(history[1]).toMatchObject({ type: 'value_recorded', callId: '$sleep#0' });
    const again = new Trial(limited, { ...parking, history });
    expect(await again.finished).toMatchObject({ output: 'late' });
  });
});

describe('a pause asked for from outside', () => {
  it('parks at the next call, once no task is under way', async () => {
    const slow = gated<string>('slow');
    const trial = await Trial.begun(async (ctx) => {
      await ctx.run(slow);
      await ctx.run(noop);
    });
    trial.execution.pause();
    await settle();
    expect(trial.ended).toBe(false);
    slow.open('done');
    expect(await trial.parked).toMatchObject({ kind: 'request', callId: null, name: null, dueAt: null });
    expect(trial.callIds).toEqual(['slow#0']);
  });

  it('lets a shield come to its end, and holds the next one', async () => {
    const slow = gated<string>('slow');
    const steps: string[] = [];
    const trial = await Trial.begun(async (ctx) => {
      await ctx.shield(async () => {
        await ctx.run(slow);
        await ctx.run(noop);
        steps.push('first');
      });
      await ctx.shield(() => steps.push('second'));
    });
    trial.execution.pause();
    slow.open('done');
    expect(await trial.parked).toMatchObject({ kind: 'request' });
    expect(steps).toEqual(['first']);
  });

  it('keeps when a sleep under it is due, short ones too', async () => {
    const trial = await Trial.begun((ctx) => ctx.sleep('4s'));
    trial.execution.pause();
    const { kind, dueAt } = await trial.parked;
    expect(kind).toBe('request');
    expect(dueAt).toBeGreaterThan(Date.now());
  });

  it('stops what a map has not begun', async () => {
    const body = flow((ctx) => ctx.map(noop, [undefined, undefined, undefined], { concurrency: 1 }));
    const trial = await Trial.begun(body, { manual: true });
    trial.execution.pause();
    trial.confirm();
    await trial.parked;
    expect(trial.callIds).toEqual(['noop#0']);
  });

  it('stops neither a body that ends without another call, nor one that is cancelled', async () => {
    const slow = gated<string>('slow');
    const returns = await Trial.begun((ctx) => ctx.run(slow));
    returns.execution.pause();
    slow.open('done');
    expect(await returns.finished).toMatchObject({ outcome: 'completed' });
    const trial = new Trial((ctx) => ctx.sleep('4s'));
    trial.execution.pause();
    trial.cancel();
    expect(await trial.finished).toMatchObject({ outcome: 'cancelled' });
  });
});

describe('a run-to-cancel', () => {
  it.each<[string, (ctx: ExecutionContext) => Promise<unknown>, () => HistoryEntry[]]>([
    ['a long sleep', (ctx) => ctx.sleep('1h'), () => [timer(Date.now() + HOUR_MS)]],
    ['a sleep too short to park', (ctx) => ctx.sleep('4s'), () => [timer(Date.now() + 4_000)]],
    [
      'a sleep that is due meanwhile',
      async (ctx) => (await ctx.sleep('1h'), ctx.pause('p')),
      () => [timer(1)],
    ],
    ['a pause', (ctx) => ctx.pause('approval'), () => []],
    [
      'the second pause',
      async (ctx) => (await ctx.pause('a'), ctx.pause('b')),
      () => [resumed('$pause.a#0', 1)],
    ],
  ])('throws at %s, where it stood', async (_name, parked, history) => {
    const seen: string[] = [];
    const body = flow(async (ctx) => {
      try {
        await parked(ctx);
      } finally {
        seen.push('cleanup');
      }
    });
    const trial = new Trial(body, { ...parking, history: history(), cancel: request });
    expect(await trial.finished).toMatchObject({ outcome: 'cancelled', signalled: true });
    expect(seen).toEqual(['cleanup']);
  });
});
