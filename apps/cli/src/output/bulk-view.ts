import type { BulkCancelResource, BulkCounts, BulkExample, BulkPreviewResource } from '@flux/client';
import { labelWords } from './fields.js';
import { styleState, type Style } from './style.js';
import { tableOf } from './table.js';
import { age } from './times.js';

const BAR_WIDTH = 20;

const OUTCOME_WORDS = {
  waiting: 'not asked yet',
  requested: 'still cancelling',
  completed: 'COMPLETED before the cancel reached them',
  failed: 'FAILED before the cancel reached them',
  alreadyFinished: 'had ended before they were asked',
  gone: 'no longer there',
  undone: 'taken back',
  skipped: 'not asked: the bulk cancel was stopped',
} as const satisfies Partial<Record<keyof BulkCounts, string>>;

/** `1,234`. */
export const grouped = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ',');

export function executions(count: number): string {
  return `${grouped(count)} execution${count === 1 ? '' : 's'}`;
}

/** How far it is, in one short line. */
export function barOf({ counts, state }: BulkCancelResource): string {
  const { total, waiting, requested } = counts;
  const done = total - waiting - requested;
  const filled = total === 0 ? BAR_WIDTH : Math.floor((done / total) * BAR_WIDTH);
  const bar = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
  const under = requested > 0 ? `, ${grouped(requested)} cancelling` : '';
  return `${bar} ${grouped(done)} of ${grouped(total)}${under}${state === 'stopped' ? ', stopped' : ''} …`;
}

/** The outcomes of a bulk cancel's executions. */
export function summaryOf(style: Style, { counts }: BulkCancelResource): string[] {
  const { total, cancelled } = counts;
  const head = `${cancelled === total ? '' : `${grouped(cancelled)} of `}${executions(total)} ${styleState(style, 'CANCELLED')}`;
  const rest = Object.entries(OUTCOME_WORDS).flatMap(([outcome, words]) => {
    const count = counts[outcome as keyof typeof OUTCOME_WORDS];
    return count > 0 ? [`  ${grouped(count)} ${words}`] : [];
  });
  return total === 0 ? ['No execution fits: there is nothing to cancel.'] : [head, ...rest];
}

/** The executions that a bulk cancel would be about. */
export async function previewOf(
  style: Style,
  { total, byState, examples }: BulkPreviewResource,
  width: number | undefined,
): Promise<string[]> {
  if (total === 0) return ['No execution fits: there is nothing to cancel.'];
  const states = Object.entries(byState).map(([state, count]) => `${grouped(count ?? 0)} ${state}`);
  const rows = await tableOf<BulkExample>(
    [
      { title: 'EXECUTION', text: (row) => row.executionId },
      {
        title: 'STATE',
        text: (row) => row.state,
        paint: (row, cell) => cell.replace(row.state, styleState(style, row.state)),
      },
      { title: 'AGE', text: (row) => age(row.createdAt), align: 'right' },
      { title: 'WORKFLOW', text: (row) => row.workflowName },
      { title: 'LABELS', text: ({ labels }) => labelWords(labels, ' ') ?? '', optional: true },
    ],
    examples,
    style,
    width,
  );
  const more = total - examples.length;
  return [
    `${executions(total)}: ${states.join(', ')}`,
    ...rows.map((row) => `  ${row}`),
    ...(more > 0 ? [style('dim', `  and ${grouped(more)} more`)] : []),
  ];
}
