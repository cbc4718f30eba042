import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { task, workflow, type ExecutionContext } from '@flux/sdk';
import type { HistoryEntry } from '@flux/contracts';
import { deferred, done, request, settle, Trial } from '../testing/trial.js';

const HOUR_MS = 3_600_000;
const parking = { parkAfterMs: 5_000 };
const noop = task('noop', () => Promise.resolve('done'));
const timer = (callId: string, dueAt: number): HistoryEntry => ({
  type: 'timer_started',
  callId,
  name: '$sleep',
  durationMs: HOUR_MS,
  dueAt,
});
const resumed = (callId: string, value: unknown): HistoryEntry => ({
  type: 'resumed',
  callId,
  name: callId.slice('$pause.'.length, callId.indexOf('#')),
  value,
});
const flow = (body: (ctx: ExecutionContext) => Promise<unknown>) => workflow('flow', body);

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
    expect(trial.events.map(({ type }) => type)).toEqual(['task_completed', 'timer_started']);
  });

  it('parks again when a replay finds it not due, without a second record', async () => {
    const dueAt = Date.now() + HOUR_MS;
    const trial = new Trial(sleeps, { ...parking, history: [done('noop#0', 1), timer('$sleep#0', dueAt)] });
    expect(await trial.parked).toMatchObject({ kind: 'sleep', dueAt });
    expect(trial.events).toEqual([]);
  });

  it('is over at once in a replay after it was due', async () => {
    const history = [done('noop#0', 1), timer('$sleep#0', Date.now() - 1)];
    expect(await new Trial(sleeps, { ...parking, history }).finished).toMatchObject({ outcome: 'completed' });
  });

  it('of a few seconds stays in memory', async () => {
    const trial = new Trial(
      flow((ctx) => ctx.sleep('4s')),
      parking,
    );
    await settle();
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
    const trial = new Trial(
      flow((ctx) => Promise.all([ctx.sleep('1h'), ctx.sleep(60)])),
      parking,
    );
    await settle();
    expect(trial.ended).toBe(false);
    expect(await trial.parked).toMatchObject({ callId: '$sleep#0' });
  });
});

describe('an execution is not parked', () => {
  it('while a task is under way, nor while its result is not safe', async () => {
    const work = deferred<string>();
    const slow = task('slow', () => work.promise);
    const both = flow((ctx) => Promise.all([ctx.sleep('1h'), ctx.run(slow)]));
    const trial = new Trial(both, { ...parking, manual: true });
    await settle();
    expect(trial.ended).toBe(false);
    work.resolve('done');
    await settle();
    expect(trial.ended).toBe(false);
    trial.confirm();
    expect(await trial.parked).toMatchObject({ kind: 'sleep' });
  });

  it('while a task whose time was up is unwinding', async () => {
    const unwinding = deferred<undefined>();
    const stuck = task('stuck', () => unwinding.promise, { timeout: 10 });
    const body = flow(async (ctx) => {
      await ctx.run(stuck).catch(() => undefined);
      await ctx.pause('approval');
    });
    const trial = new Trial(body, parking);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(trial.ended).toBe(false);
    unwinding.resolve(undefined);
    expect(await trial.parked).toMatchObject({ kind: 'pause', name: 'approval' });
  });

  it('while a shield runs', async () => {
    const trial = new Trial(
      flow((ctx) => ctx.shield(() => ctx.sleep('1h'))),
      parking,
    );
    await settle();
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
    expect(trial.events.map(({ type }) => type)).toEqual(['timer_started']);
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
    // A look at it keeps it for the rest of that turn.
    await settle();
    collect();
    await settle();
    expect(held.deref()).toBeUndefined();
  });
});

describe('ctx.pause', () => {
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
    expect(await new Trial(flow((ctx) => ctx.pause(''))).finished).toMatchObject({ outcome: 'failed' });
  });
});

describe('a race in a replay', () => {
  const limited = flow(async (ctx) => {
    const winner = await Promise.race([ctx.pause('approval'), ctx.sleep('1h').then(() => 'late')]);
    await ctx.run(noop);
    return winner;
  });

  it('is won by the recorded resume, though the sleep is due by now too', async () => {
    const history = [timer('$sleep#0', 1), resumed('$pause.approval#0', 'yes'), done('noop#0', 1)];
    expect(await new Trial(limited, { ...parking, history }).finished).toMatchObject({ output: 'yes' });
  });

  it('is won by the sleep where the record goes on without a resume', async () => {
    const history = [timer('$sleep#0', 1), done('noop#0', 1)];
    expect(await new Trial(limited, { ...parking, history }).finished).toMatchObject({ output: 'late' });
  });

  it('is won by the sleep that ended before a task did, whose result came later', async () => {
    const work = deferred<string>();
    const slow = task('slow', () => work.promise);
    const body = flow(async (ctx) => {
      const winner = await Promise.race([ctx.run(slow), ctx.sleep(20).then(() => 'late')]);
      work.resolve('slow');
      await ctx.run(noop);
      await ctx.pause('approval');
      return winner;
    });
    const first = new Trial(body, parking);
    await first.parked;
    expect(first.events.map(({ type }) => type)).toContain('value_recorded');
    const history = [...first.events, resumed('$pause.approval#0', null)] as HistoryEntry[];
    const second = new Trial(body, { ...parking, history });
    expect(await second.finished).toMatchObject({ outcome: 'completed', output: 'late' });
    expect(second.events).toEqual([]);
  });

  it('is won again by the sleep that woke it, whatever is recorded after', async () => {
    const woken = new Trial(limited, { ...parking, history: [timer('$sleep#0', 1)] });
    await woken.finished;
    const history = [timer('$sleep#0', 1), ...woken.events, resumed('$pause.approval#0', 'yes')];
    expect(history[1]).toMatchObject({ type: 'value_recorded', callId: '$sleep#0' });
    const again = new Trial(limited, { ...parking, history: history as HistoryEntry[] });
    expect(await again.finished).toMatchObject({ output: 'late' });
  });

  it('of due sleeps is won by the one that was due first', async () => {
    const both = flow((ctx) =>
      Promise.race([ctx.sleep('2h').then(() => 'second'), ctx.sleep('1h').then(() => 'first')]),
    );
    const history = [timer('$sleep#0', 2), timer('$sleep#1', 1)];
    expect(await new Trial(both, { ...parking, history }).finished).toMatchObject({ output: 'first' });
  });
});

describe('a pause asked for from outside', () => {
  it('parks at the next call, once no task is under way', async () => {
    const work = deferred<string>();
    const slow = task('slow', () => work.promise);
    const body = flow(async (ctx) => {
      await ctx.run(slow);
      await ctx.run(noop);
    });
    const trial = new Trial(body);
    await settle();
    trial.execution.pause();
    await settle();
    expect(trial.ended).toBe(false);
    work.resolve('done');
    expect(await trial.parked).toMatchObject({ kind: 'request', callId: null, name: null, dueAt: null });
    expect(trial.callIds).toEqual(['slow#0']);
  });

  it('lets a shield come to its end, and holds the next one', async () => {
    const work = deferred<string>();
    const slow = task('slow', () => work.promise);
    const steps: string[] = [];
    const body = flow(async (ctx) => {
      await ctx.shield(async () => {
        await ctx.run(slow);
        await ctx.run(noop);
        steps.push('first');
      });
      await ctx.shield(() => steps.push('second'));
    });
    const trial = new Trial(body);
    await settle();
    trial.execution.pause();
    work.resolve('done');
    expect(await trial.parked).toMatchObject({ kind: 'request' });
    expect(steps).toEqual(['first']);
  });

  it('keeps when a sleep under it is due, short ones too', async () => {
    const trial = new Trial(flow((ctx) => ctx.sleep('4s')));
    await settle();
    trial.execution.pause();
    const { kind, dueAt } = await trial.parked;
    expect(kind).toBe('request');
    expect(dueAt).toBeGreaterThan(Date.now());
  });

  it('stops what a map has not begun', async () => {
    const body = flow((ctx) => ctx.map(noop, [undefined, undefined, undefined], { concurrency: 1 }));
    const trial = new Trial(body, { manual: true });
    await settle();
    trial.execution.pause();
    trial.confirm();
    await trial.parked;
    expect(trial.callIds).toEqual(['noop#0']);
  });

  it('is nothing to a body that ends without another call, nor to one that is cancelled', async () => {
    const work = deferred<string>();
    const slow = task('slow', () => work.promise);
    const returns = new Trial(flow((ctx) => ctx.run(slow)));
    await settle();
    returns.execution.pause();
    work.resolve('done');
    expect(await returns.finished).toMatchObject({ outcome: 'completed' });
    const trial = new Trial(flow((ctx) => ctx.sleep('4s')));
    trial.execution.pause();
    trial.cancel();
    expect(await trial.finished).toMatchObject({ outcome: 'cancelled' });
  });
});

describe('a run-to-cancel', () => {
  it.each([
    ['a long sleep', flow((ctx) => ctx.sleep('1h')), [timer('$sleep#0', Date.now() + HOUR_MS)]],
    [
      'a sleep that is due meanwhile',
      flow(async (ctx) => (await ctx.sleep('1h'), ctx.pause('p'))),
      [timer('$sleep#0', 1)],
    ],
    ['a pause', flow((ctx) => ctx.pause('approval')), []],
    [
      'the second pause',
      flow(async (ctx) => (await ctx.pause('a'), ctx.pause('b'))),
      [resumed('$pause.a#0', 1)],
    ],
  ])('throws at %s, where it was parked', async (_name, parked, history) => {
    const seen: string[] = [];
    const body = flow(async (ctx) => {
      try {
        await parked.body(ctx, null as never);
      } finally {
        seen.push('cleanup');
      }
    });
    const trial = new Trial(body, { ...parking, history, cancel: request });
    expect(await trial.finished).toMatchObject({ outcome: 'cancelled', signalled: true });
    expect(seen).toEqual(['cleanup']);
  });
});
