import { expect, it } from '@jest/globals';
import type { NewEvent } from '../../lifecycle/change.js';
import type { ExecutionRow } from '../../lifecycle/execution.js';
import { NOW } from '../execution-rows.js';
import { v7 as uuid } from 'uuid';
import { event, idsOf, WORKER, type Contextual } from './context.js';

/** Half of a surrogate pair, and NUL: JSON has both, a text of PostgreSQL neither. */
const AWKWARD = 'half \ud83d, NUL \0';

export function describeLooking(context: Contextual): void {
  it('finds what is due, longest due first', async () => {
    const { stores, harness } = context();
    const late = await context().run('worker-a', { nextDispatchAt: NOW + 20 });
    const early = await context().run('worker-a', { nextDispatchAt: NOW + 10 });
    await context().run('worker-a');
    expect(await stores.executions.findDue(10, true)).toEqual([]);
    harness.pass(20);
    expect(await stores.executions.findDue(10, true)).toEqual([early.id, late.id]);
    expect(await stores.executions.findDue(1, true)).toEqual([early.id]);
  });

  it('finds what needs no message while nothing can be sent, whatever users wrote (elsewhere: half a surrogate in one row stops every deadline)', async () => {
    const { stores, harness } = context();
    const nextDispatchAt = NOW;
    const asked = { requestedAt: NOW, requestedBy: 'ada', reason: AWKWARD };
    const delayedCancel = { ...asked, force: false, gracePeriodMs: null, dueAt: NOW };
    const kept = [{ requestedBy: 'ada', value: AWKWARD }];
    const silent = [
      await context().run('worker-a', { timeoutAt: NOW }),
      await context().run('worker-a', { state: 'CANCELLING', workerId: null, nextDispatchAt }),
      await context().run('worker-a', { parking: { parked: null, pauseAsked: false, kept, delayedCancel } }),
    ];
    const later = { ...delayedCancel, dueAt: NOW + 10 };
    const sent = [
      await context().run('worker-a', { state: 'CANCELLING', nextDispatchAt }),
      await context().run('worker-a', {
        nextDispatchAt,
        parking: { parked: null, pauseAsked: true, kept, delayedCancel: later },
      }),
    ];
    harness.pass(1);
    expect((await stores.executions.findDue(10, false)).sort()).toEqual(idsOf(silent));
    expect((await stores.executions.findDue(10, true)).sort()).toEqual(idsOf([...silent, ...sent]));
  });

  it('finds what a worker owns', async () => {
    const running = await context().run('worker-a');
    const cancelling = await context().run('worker-a', { state: 'CANCELLING' });
    await context().run('worker-b');
    await context().run('worker-a', { state: 'COMPLETED' });
    const owned = await context().stores.executions.readOwned('worker-a');
    expect(idsOf(owned)).toEqual(idsOf([running, cancelling]));
    expect(owned).toContainEqual(running);
  });

  it('finds what lost and stopped workers own, after their time', async () => {
    const { stores, harness } = context();
    const names = ['live', 'lost', 'silent', 'stopped'];
    for (const workerId of names) {
      await stores.workers.register({ ...WORKER, workerId }, workerId === 'silent' ? 50 : 10_000);
      await context().run(workerId);
    }
    harness.pass(100);
    await stores.workers.end(['lost', 'silent'], 'lost');
    await stores.workers.end(['stopped'], 'stopped');
    const find = async (lostMs: number, stoppedMs: number, limit = 10) =>
      (await stores.executions.findOrphans(lostMs, stoppedMs, limit)).map(
        ({ workerId, workerState, isSilent }) => `${workerId} ${workerState}${isSilent ? ', silent' : ''}`,
      );
    expect(await find(100, 200)).toEqual([]);
    harness.pass(100);
    expect((await find(100, 200)).sort()).toEqual(['lost lost', 'silent lost, silent']);
    harness.pass(101);
    expect((await find(100, 200)).sort()).toEqual(['lost lost', 'silent lost, silent', 'stopped stopped']);
    expect(await find(100, 200, 2)).toHaveLength(2);
  });
}

export function describeHistories(context: Contextual): void {
  const task = (callId: string, output: unknown): NewEvent =>
    event('task_completed', {
      callId,
      name: 'fetch',
      output,
      tries: 1,
      inCleanup: false,
      startedAt: new Date(NOW).toISOString(),
    });

  it('reads consecutive events', async () => {
    const row = await context().run('worker-a');
    const events = ['1', '2', '3'].map((callId) => task(callId, callId));
    await context().change(row, {}, { events });
    const { histories } = context().stores;
    const read = async (after: number, events: number, bytes: number) => {
      const page = await histories.readEvents(row.id, after, { events, bytes });
      return [page.events.map(({ seq, data }) => (data === null ? -seq : seq)), page.more];
    };
    expect(await read(1, 2, 10_000)).toEqual([[2, 3], true]);
    expect(await read(3, 2, 10_000)).toEqual([[4], false]);
    expect(await read(4, 2, 10_000)).toEqual([[], false]);
    const { events: all } = await histories.readEvents(row.id, 1, { events: 9, bytes: 10_000 });
    const [first = 0, second = 0] = all.map(({ bytes }) => bytes);
    expect(await read(1, 9, first + second)).toEqual([[2, 3], true]);
    expect(await read(1, 9, first + second - 1)).toEqual([[2], true]);
    // One that alone is larger comes without its data.
    expect(await read(2, 9, second - 1)).toEqual([[-3], true]);
    expect(await histories.readEventData(row.id, 3)).toBe(all[1]?.data);
  });

  it('shows an execution with its values as text', async () => {
    const row = await context().run('worker-a');
    await context().change(row, { state: 'COMPLETED' }, { result: { output: ['é', 1] } });
    const { executions } = context().stores;
    const [{ input } = { input: undefined }] = await executions.readRecords([row.id]);
    const shown = await executions.readShown(row.id, 10_000);
    expect(shown).toMatchObject({ id: row.id, state: 'COMPLETED', whole: true });
    const texts = [shown?.input, shown?.output].map((value) => JSON.parse(value?.text ?? '') as unknown);
    expect(texts).toEqual([input, ['é', 1]]);
    expect(await executions.readValue(row.id, 'output')).toBe(shown?.output?.text);
    const { input: shownInput, output } = shown ?? {};
    expect(await executions.readAnswers([row.id])).toMatchObject([{ id: row.id, input: shownInput, output }]);
    expect(await executions.readShown(uuid(), 10_000)).toBeUndefined();
  });

  it('gives an event the value of the earlier one that it names, and tells which pauses are over', async () => {
    const { histories } = context().stores;
    const row = await context().run('worker-a');
    const other = await context().run('worker-a');
    const value = { text: 'a "quote", "value": {}', deep: [null, { a: 1 }] };
    const kept = event('resume_kept', { requestedBy: 'ada', pause: 'one', value });
    const before = await context().change(row, {}, { events: [kept] });
    const gate = { callId: '$pause.o"ne#0', name: 'o"ne ,"value":' };
    const resumed = {
      ...event('execution_resumed', { requestedBy: ',"value":', ...gate, value: null }),
      valueFrom: 2,
    };
    await context().change(before ?? row, {}, { events: [resumed, task('1', 1)] });
    const [last] = await context().events(row.id, 2);
    const { valueFrom: _, ...told } = resumed;
    expect(last).toEqual({ seq: 3, ...told, data: { ...resumed.data, value } });
    expect([...(await histories.readPassedGates([row.id, other.id]))]).toMatchObject([[row.id, [gate]]]);
  });

  it('reads what replay needs, page by page, by number and by bytes', async () => {
    const row = await context().run('worker-a');
    const other = await context().run('worker-a');
    const large = 'x'.repeat(1_000);
    const events = [
      task('1', 1),
      event('cancel_delivered', { workerId: 'worker-a' }),
      task('2', large),
      task('3', large),
    ];
    await context().change(row, {}, { events });
    const { histories } = context().stores;
    const wanted = [row, other].map(({ id }) => ({ executionId: id, after: 0 }));
    const page = async (after: number, events: number, bytes: number, mayBeEmpty = false) => {
      const limit = { events, bytes, mayBeEmpty };
      const pages = await histories.readPages([{ executionId: row.id, after }], limit);
      const { entries, next } = pages.get(row.id) ?? { entries: [] };
      return [entries.map((entry) => 'callId' in entry && entry.callId), next];
    };
    const pages = await histories.readPages(wanted, { events: 10, bytes: 10_000 });
    expect(pages.get(other.id)).toEqual({ entries: [] });
    const output = { type: 'task_completed', callId: '1', name: 'fetch', output: 1 };
    expect(pages.get(row.id)?.entries[0]).toEqual(output);
    expect(await page(0, 10, 10_000)).toEqual([['1', '2', '3'], undefined]);
    expect(await page(0, 2, 10_000)).toEqual([['1', '2'], 4]);
    expect(await page(4, 2, 10_000)).toEqual([['3'], undefined]);
    expect(await page(0, 10, 1_500)).toEqual([['1', '2'], 4]);
    expect(await page(2, 10, 1)).toEqual([['2'], 4]);
    expect(await page(0, 10, 500, true)).toEqual([['1'], 2]);
    expect(await page(2, 10, 500, true)).toEqual([[], 2]);
  });

  it('reads how children have ended, from after those that were heard of', async () => {
    const row = await context().run('worker-a');
    const ended = (number: number): NewEvent =>
      event('child_finished', {
        callId: `${number}`,
        name: 'child',
        executionId: row.id,
        workflowName: 'crawl',
        number,
        state: 'COMPLETED',
        output: AWKWARD,
      });
    await context().change(row, {}, { events: [ended(1), task('t', 1), ended(2), ended(3)] });
    const ends = await context().stores.histories.readChildEnds(row.id, 1, 1);
    expect(ends).toEqual([
      {
        type: 'child_finished',
        callId: '2',
        name: 'child',
        number: 2,
        at: NOW + 1,
        end: { state: 'COMPLETED', output: AWKWARD },
      },
    ]);
  });

  it('finds the tasks of an attempt that have begun and have no end, whatever their names', async () => {
    const start = (callId: string) =>
      event('task_started', {
        callId,
        name: callId,
        inCleanup: false,
        rollback: true,
        startedAt: new Date(NOW).toISOString(),
      });
    const cut = (callId: string) =>
      event('task_interrupted', { ...start(callId).data, how: 'killed' } as never);
    const odd = 'o"ne#0","name":"x';
    const row = await context().run('worker-a');
    const other = await context().run('worker-a');
    const events = [
      ...[start('done'), start('cut'), start(odd), start('open'), start('again'), task('again', AWKWARD)],
      ...[task('done', AWKWARD), cut('cut'), start('again'), { ...start('before'), attempt: 0 }],
    ];
    await context().change(row, {}, { events });
    const { histories } = context().stores;
    const begun = await histories.readBegun([row, other].map(({ id }) => ({ executionId: id, attempt: 1 })));
    expect(begun.get(row.id)?.map(({ callId }) => callId)).toEqual([odd, 'open', 'again']);
    expect(begun.get(row.id)?.[1]).toEqual(start('open').data);
    expect(begun.get(other.id) ?? []).toEqual([]);
  });

  it('reads what completed outputs are beside JSON', async () => {
    const outputTypes = { [AWKWARD]: ['date'] };
    const output = { outputTypes: AWKWARD };
    const rows: ExecutionRow[] = [];
    for (const [state, data] of [
      ['COMPLETED', { output, outputTypes }],
      ['COMPLETED', { output }],
      ['FAILED', { output, outputTypes }],
    ] as const) {
      const row = await context().run('worker-a');
      rows.push(row);
      await context().change(row, { state }, { events: [event('execution_completed', data)] });
    }
    const types = await context().stores.histories.readOutputTypes(rows.map(({ id }) => id));
    expect([...types]).toEqual([[rows[0]?.id, outputTypes]]);
  });
}
