import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ExecutionResource } from '@flux/contracts';
import { leftAfter } from '@flux/testing';
import { ON_THAWING } from './matrix/doomed-cells.js';
import { CELLS, Matrix } from './matrix/matrix.js';
import { LEASE_MS, type Cell, type Ending } from './matrix/cell.js';
import type { Mark, Played } from './matrix/play.js';
import { graceEndOf, historyFaults } from './support/history.js';
import { toldFaults } from './support/told.js';

/**
 * The cancel in every state and at every moment, on real api and worker processes: how it must end, what must have
 * run and what must not. The moments are reached by gates that the test opens, never by waiting for a time.
 */

let matrix: Matrix;

beforeAll(async () => {
  matrix = await Matrix.begin();
}, 120_000);

afterAll(() => matrix.close(), 120_000);

const byAttempt = (marks: readonly Mark[]): string[][] => {
  const attempts: string[][] = [];
  for (const { attempt, what } of marks) (attempts[attempt - 1] ??= []).push(what);
  return Array.from(attempts, (marked) => (marked ?? []).sort());
};

/** The steps that ran, without those that only may have run. */
function ranOf({ ran, perhaps = [] }: Ending, marks: readonly Mark[]): string[][] {
  const certain = (what: string): boolean => !perhaps.includes(what);
  return byAttempt(marks.filter(({ what }) => certain(what) || ran.some((named) => named.includes(what))));
}

/** The last steps of a cleanup, which no other attempt makes again. */
const ONCE = ['cleanup ends', 'first undone'];

/** Another attempt went on where the owner was lost: nothing is missing of its steps, and the cleanup was made once. */
function expectRanElsewhere({ ran }: Ending, marks: readonly Mark[]): void {
  const unwound = (steps: readonly string[]): string[] => steps.filter((what) => !/ aborted$/.test(what));
  const [wanted, found] = [ran.flat(), marks.map(({ what }) => what)].map(unwound);
  expect(new Set(found)).toEqual(new Set(wanted));
  const once = (steps: readonly string[] = []): string[] =>
    steps.filter((what) => ONCE.includes(what)).sort();
  expect(once(found)).toEqual(once(wanted));
}

function expectEnding(ending: Ending, { execution, play, lost }: Played): void {
  expect({ state: execution.state, cancellation: execution.cancellation }).toMatchObject({
    state: ending.state,
    cancellation: ending.cancellation,
  });
  if (lost) expectRanElsewhere(ending, play.marks());
  else expect(ranOf(ending, play.marks())).toEqual(ending.ran.map((marks) => [...marks].sort()));
}

async function expectChild(
  { endsFirst, ...ending }: NonNullable<Cell['child']>,
  parent: Played,
): Promise<void> {
  const child = await parent.play.child.played();
  expectEnding(ending, { ...child, lost: parent.lost });
  expect(child.execution.parentExecutionId).toBe(parent.execution.executionId);
  if (!endsFirst) return;
  const [own, its] = [child, parent].map(({ execution }) => Date.parse(execution.finishedAt ?? ''));
  expect(own).toBeLessThanOrEqual(its ?? Number.NaN);
}

function expectSound({ play, execution, history }: Played, cell: Cell): void {
  expect(historyFaults(execution, history)).toEqual([]);
  expect(toldFaults(execution, history)).toEqual([]);
  for (const { status, body } of play.answers) {
    const told = body as ExecutionResource;
    if (status === 409) expect(told).toMatchObject({ state: execution.state });
    else if (status === 200) expect(told).toEqual(execution);
    else expect(told.cancellation?.requestedAt).toBe(execution.cancellation?.requestedAt);
  }
  const { finalizedAt } = execution.cancellation ?? {};
  const graceEnd = graceEndOf(history, LEASE_MS);
  if (!finalizedAt || graceEnd === undefined) return;
  expect(matrix.pace.fairMs(graceEnd, Date.parse(finalizedAt))).toBeLessThanOrEqual(cell.boundMs);
}

describe('a cancel that comes', () => {
  it.each(CELLS.map((cell) => [cell.name, cell] as const))(
    '%s',
    async (_, cell) => {
      const played = await matrix.played(cell);
      expectEnding(cell, played);
      expectSound(played, cell);
      if (cell.child) await expectChild(cell.child, played);
    },
    300_000,
  );
});

describe('when all of it is over', () => {
  it('nothing has done anything after the end of its execution', async () => {
    const late: unknown[] = [];
    for (const play of await matrix.plays()) {
      const execution = await play.status();
      const end = Date.parse(execution.finishedAt ?? '');
      const thawed = play.workflowName === 'freezing' ? ON_THAWING : [];
      late.push(...play.marks().filter(({ at, what }) => !(at <= end || thawed.includes(what))));
      const history = await play.history();
      expect([...historyFaults(execution, history), ...toldFaults(execution, history)]).toEqual([]);
    }
    expect(late).toEqual([]);
  }, 300_000);

  it('no worker holds anything, and nothing is left to be sent', async () => {
    await matrix.plays();
    const { rest, sandbox } = matrix.flux;
    const held = async () => (await rest.workers()).filter(({ running }) => running > 0);
    expect(await leftAfter(10_000, held)).toEqual([]);
    const unsent = () => sandbox.query('SELECT kind, target FROM outbox');
    expect(await leftAfter(10_000, unsent)).toEqual([]);
  });
});
