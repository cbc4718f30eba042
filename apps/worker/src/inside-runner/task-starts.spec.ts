import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { MessageBatch } from '../wire/message-batch.js';
import type { FromRunner } from '../wire/protocol.js';
import { TaskStarts } from './task-starts.js';

describe('the starts of tasks', () => {
  let sent: FromRunner[];
  let starts: TaskStarts;

  beforeEach(() => {
    sent = [];
    starts = new TaskStarts(new MessageBatch((messages) => void sent.push(...messages)));
  });

  const call = (number: number, startedAt = Date.now()) => ({
    callId: `hash#${number}`,
    name: 'hash',
    startedAt,
    inCleanup: false,
  });
  const told = (): string[] => sent.flatMap((each) => (each.kind === 'began' ? each.task.callId : []));

  it('are sent before the first line of a task that may be long: it may never give the event loop back', () => {
    starts.begins(1, call(0), true);
    expect(sent).toEqual([
      { kind: 'began', handle: 1, task: { ...call(0), startedAt: expect.any(Number), rollback: true } },
    ]);
    starts.ended(1, call(0, Date.now() - 1_000));
    starts.begins(1, call(1), false);
    expect(told()).toEqual(['hash#0', 'hash#1']);
  });

  it('of quick tasks are sent with the other messages of the turn, and not at all when they have ended by then', async () => {
    starts.begins(1, call(0), false);
    starts.ended(1, call(0));
    starts.begins(1, call(1), false);
    starts.ended(1, call(1));
    starts.begins(1, call(2), false);
    starts.begins(2, call(2), false);
    starts.ended(2, call(2));
    expect(told()).toEqual(['hash#0']);
    await turn();
    await turn();
    expect(told()).toEqual(['hash#0', 'hash#2']);
  });
});
