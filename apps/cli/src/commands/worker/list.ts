import type { WorkerResource } from '@flux/client';
import { ServerCommand } from '../../flux-command.js';
import { styleFor, type Format } from '../../output/style.js';
import { tableOf, type Column } from '../../output/table.js';
import { age } from '../../output/times.js';

const FORMATS: Readonly<Record<WorkerResource['state'], Format>> = {
  running: 'green',
  draining: 'yellow',
  lost: 'red',
  stopped: 'dim',
};

/** Shown while there is something to show. */
const BLOCKED: Column<WorkerResource> = {
  title: 'BLOCKED BY',
  text: (row) =>
    row.blocked.map(({ workflowName, since }) => `${workflowName ?? 'unknown'} for ${age(since)}`).join(', '),
};

export default class WorkerList extends ServerCommand<typeof WorkerList> {
  static override summary = 'List the workers.';
  static override description = `A worker's id is its name and its incarnation. BLOCKED BY names workflows whose code keeps a runner busy
without a break, so that it hears no cancel. Exit codes: 0 listed, 1 error.`;
  static override examples = ['<%= config.bin %> <%= command.id %>'];

  async run(): Promise<void> {
    const client = await this.client();
    const page = await client.workers();
    if (this.flags.json) return this.writeJson(page);
    if (page.items.length === 0) {
      return this.write('No workers: start one with flux start worker --workflows DIR.');
    }
    const style = styleFor(process.stdout);
    const columns: Column<WorkerResource>[] = [
      { title: 'WORKER', text: (row) => row.workerId },
      { title: 'STATE', text: (row) => row.state, paint: (row, cell) => style(FORMATS[row.state], cell) },
      { title: 'RUNNING', text: (row) => `${row.running}/${row.concurrency}`, align: 'right' },
      { title: 'SEEN', text: (row) => age(row.lastSeenAt), align: 'right' },
      ...(page.items.some((row) => row.blocked.length > 0) ? [BLOCKED] : []),
      { title: 'RUNNERS', text: (row) => String(row.runners), align: 'right', optional: true },
      { title: 'AGE', text: (row) => age(row.startedAt), align: 'right', optional: true },
      { title: 'WORKFLOWS', text: (row) => row.workflows.join(', '), optional: true },
    ];
    for (const line of tableOf(columns, page.items, style, process.stdout.columns)) this.write(line);
    return undefined;
  }
}
