import { describe, expect, it } from '@jest/globals';
import { ExecutionHub } from './execution-hub.js';

const ID = '01926a3e-0000-7000-8000-000000000001';
const update = (seq: number) => ({ executionId: ID, state: 'RUNNING' as const, seq });
const never = new AbortController().signal;

describe('ExecutionHub', () => {
  it('loses no update that comes between the watch and the wait', async () => {
    const hub = new ExecutionHub();
    const watch = hub.watch(ID);
    hub.notify([update(2)]);
    expect(await watch.next(1, never)).toEqual(update(2));
  });

  it('wakes every watcher of the execution, for news only', async () => {
    const hub = new ExecutionHub();
    const watches = [hub.watch(ID), hub.watch(ID)];
    const waits = Promise.all(watches.map((watch) => watch.next(3, never)));
    hub.notify([update(3), update(2)]);
    hub.notify([update(4)]);
    expect(await waits).toEqual([update(4), update(4)]);
  });

  it('ends a wait when its signal aborts, and every wait when it closes', async () => {
    const hub = new ExecutionHub();
    const watch = hub.watch(ID);
    const abort = new AbortController();
    const aborted = watch.next(0, abort.signal);
    const closed = watch.next(0, never);
    abort.abort();
    expect(await aborted).toBeUndefined();
    hub.close();
    expect(await closed).toBeUndefined();
    expect(await watch.next(0, never)).toBeUndefined();
  });

  it('forgets an execution with its last watcher', () => {
    const hub = new ExecutionHub();
    const [first, second] = [hub.watch(ID), hub.watch(ID)];
    first.close();
    first.close();
    expect(hub.watched()).toEqual([ID]);
    second.close();
    expect(hub.watched()).toEqual([]);
  });

  it('tells progress to who listens at the time, and to no one else', () => {
    const hub = new ExecutionHub();
    const heard: unknown[] = [];
    const tell = (value: number) =>
      hub.tellProgress({ executionId: ID, attempt: 1, callId: 'crawl#0', name: 'crawl', value, at: 1 });
    tell(1);
    const ends = [1, 2].map((listener) => hub.onProgress(ID, ({ value }) => heard.push([listener, value])));
    tell(2);
    ends[0]?.();
    tell(3);
    ends[1]?.();
    tell(4);
    expect(heard).toEqual([
      [1, 2],
      [2, 2],
      [2, 3],
    ]);
  });
});
