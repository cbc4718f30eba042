import type { WorkerResource } from '@flux/client';
import { ServerCommand } from '../../flux-command.js';
import { styleFor, type Format } from '../../output/style.js';
import type { Column } from '../../output/table.js';
import { age } from '../../output/times.js';
import { holdWords, shownState } from '../../output/worker-words.js';
import { prose } from '../../prose.js';

const FORMATS: Readonly<Record<string, Format>> = {
  running: 'green',
  draining: 'yellow',
  paused: 'yellow',
  drained: 'yellow',
  lost: 'red',
  stopped: 'dim',
};

/** Shown while there is something to show. */
const BY_HAND: Column<WorkerResource> = {
  title: 'BY HAND',
  text: ({ byHand }) => (byHand ? holdWords(byHand) : ''),
};

/** Likewise. */
const BLOCKED: Column<WorkerResource> = {
  title: 'BLOCKED BY',
  text: (row) =>
    row.blocked.map(({ workflowName, since }) => `${workflowName ?? 'unknown'} for ${age(since)}`).join(', '),
};

/** Likewise. */
const CHANGED: Column<WorkerResource> = {
  title: 'CHANGED ON DISK',
  text: ({ changedFiles: [first, ...more] }) =>
    more.length > 0 ? `${first ?? ''} and ${more.length} more` : (first ?? ''),
};

export default class WorkerList extends ServerCommand<typeof WorkerList> {
  static override summary = 'List the workers.';
  static override description = prose(`
A worker's id is its name and its incarnation. BY HAND says who had it paused or drained, when and why. BLOCKED BY names
workflows whose code keeps a runner busy without a break, so that it hears no cancel. CHANGED ON DISK names workflow
files that are not what a worker runs: it runs the code that it started with until it is started again.

Exit codes: 0 listed, 1 error.`);
  static override examples = ['<%= config.bin %> <%= command.id %>'];

  async run(): Promise<void> {
    const page = await (await this.client()).workers();
    const style = styleFor(process.stdout);
    const columns: Column<WorkerResource>[] = [
      { title: 'WORKER', text: (row) => row.workerId },
      {
        title: 'STATE',
        text: shownState,
        paint: (row, cell) => style(FORMATS[shownState(row)] ?? 'dim', cell),
      },
      { title: 'RUNNING', text: (row) => `${row.running}/${row.concurrency}`, align: 'right' },
      { title: 'SEEN', text: (row) => age(row.lastSeenAt), align: 'right' },
      ...(page.items.some((row) => row.byHand !== null) ? [BY_HAND] : []),
      ...(page.items.some((row) => row.blocked.length > 0) ? [BLOCKED] : []),
      ...(page.items.some((row) => row.changedFiles.length > 0) ? [CHANGED] : []),
      { title: 'RUNNERS', text: (row) => String(row.runners), align: 'right', optional: true },
      { title: 'AGE', text: (row) => age(row.startedAt), align: 'right', optional: true },
      { title: 'WORKFLOWS', text: (row) => row.workflows.join(', '), optional: true },
    ];
    const none = 'No workers: start one with flux start worker --workflows DIR.';
    return this.writePage({ page, columns, none });
  }
}
