import { describe, expect, it } from '@jest/globals';
import type { ExecutionReceipt } from '@flux/client';
import { cancelled, completed, execution } from '../testing/resources.js';
import { receiptLines } from './receipt-view.js';

const NONE = { count: 0, items: [], nextCursor: null };

/** The receipt of an execution of which nothing is on record, with what is told otherwise. */
function receiptOf(of: typeof completed, parts: Partial<ExecutionReceipt> = {}): ExecutionReceipt {
  const { executionId, workflowName, state, attempt, createdAt, startedAt, finishedAt, cancellation } = of;
  return {
    executionId,
    workflowName,
    state,
    attempt,
    createdAt,
    startedAt,
    finishedAt,
    cancellation,
    isOver: finishedAt !== null,
    completed: NONE,
    failed: NONE,
    undone: { ...NONE, failures: 0 },
    cutOff: NONE,
    lostOwners: NONE,
    underWay: { count: 0, items: [] },
    ...parts,
  };
}

const plain = (_: unknown, text: string): string => text;
const wordsOf = (receipt: ExecutionReceipt): string => receiptLines(plain, receipt).join('\n');
const AT = '2026-11-22T14:00:01.500Z';
const task = { seq: 3, at: AT, attempt: 1, callId: 'charge#0', name: 'charge' };
const begun = { ...task, startedAt: AT, inCleanup: false, rollback: true };

describe('a receipt in words', () => {
  it('says who stopped it and why, and when each step was', () => {
    expect(wordsOf(receiptOf(cancelled))).toMatch(
      /CANCELLED\n.*stopped by +cli:ada: wrong file\n.*requested .*\n.*delivered +after 12 ms\n.*stopped +after 1.9 s\n.*finalised +after 2 s\n.*cleanup +cleanup succeeded$/s,
    );
  });

  it('puts first what was cut off, each with how', () => {
    const cut = { ...begun, madeAgain: false, rollback: false };
    const cause = { code: null, message: 'its process ended with SIGSEGV' };
    const items = [
      { ...cut, how: 'rejected' as const, settled: 'returned' as const },
      { ...cut, how: 'killed' as const, runner: 'process', rollback: true },
      { ...cut, how: 'killed' as const, runner: 'shared', cause },
      { ...cut, how: 'owner_lost' as const, madeAgain: true },
    ];
    const completedPart = { count: 200, items: [task], nextCursor: '3' };
    const words = wordsOf(
      receiptOf(completed, { cutOff: { ...NONE, count: 4, items }, completed: completedPart }),
    );
    expect(words).toMatch(
      /Cut off, with unknown effect \(4\)\n[^]*Completed \(200\)\n.*charge\n.*more of them: --cursor 3$/,
    );
    for (const how of [
      'its promise was rejected, then it returned\n',
      'killed with its process; its rollback did not run\n',
      'its runner died: its process ended with SIGSEGV\n',
      'its worker lost the execution; a later attempt has its result\n',
    ]) {
      expect(words).toContain(`charge (began 14:00:01.500, attempt 1): ${how}`);
    }
  });

  it('tells which programs were ended, and which live on; a server of a version before tells of none', () => {
    const program = { seq: 4, at: AT, attempt: 1, name: 'ffmpeg', pid: 7 };
    const items = [
      { ...program, how: 'SIGKILL' as const, more: 2 },
      { ...program, how: 'detached' as const },
    ];
    expect(wordsOf(receiptOf(cancelled, { programs: { count: 2, items, nextCursor: null } }))).toMatch(
      /Programs \(2\)\n.*ffmpeg \(pid 7\) ended by SIGKILL, and 2 more\n.*ffmpeg \(pid 7\) detached: it lives on/,
    );
    expect(wordsOf(receiptOf(cancelled))).not.toContain('Programs');
  });

  it('tells what was undone and what failed, and cannot steer the terminal', () => {
    const error = { name: 'Error', message: 'no\u001b[2J refund' };
    const words = wordsOf(
      receiptOf(cancelled, {
        undone: {
          count: 2,
          failures: 1,
          nextCursor: null,
          items: [
            { ...task, error: null },
            { ...task, error },
          ],
        },
        failed: { count: 1, nextCursor: null, items: [{ ...task, error }] },
        lostOwners: {
          ...NONE,
          count: 1,
          items: [{ seq: 9, at: AT, attempt: 1, workerId: 'w@1', why: 'lost' }],
        },
      }),
    );
    expect(words).toMatch(/rollbacks +1 of 2 failed/);
    expect(words).toContain('rollback of charge failed: Error: no\\u001b[2J refund');
    expect(words).toContain('w@1, attempt 1: the worker was gone');
    expect(words).not.toContain('\u001b');
  });

  it('of one that goes on says so, and what is under way', () => {
    const words = wordsOf(receiptOf(execution(), { underWay: { count: 3, items: [begun] } }));
    expect(words).toMatch(
      /RUNNING: it is not over[^]*Begun, and not ended \(3\)\n.*charge, since .*\n.*… and 2 more$/,
    );
  });
});
