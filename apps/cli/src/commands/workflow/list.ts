import type { WorkflowResource } from '@flux/client';
import { ServerCommand } from '../../flux-command.js';
import { styleFor } from '../../output/style.js';
import { tableOf, type Column } from '../../output/table.js';
import { age } from '../../output/times.js';

export default class WorkflowList extends ServerCommand<typeof WorkflowList> {
  static override summary = 'List the workflows that workers have registered.';
  static override description = 'Exit codes: 0 listed, 1 error.';
  static override examples = ['<%= config.bin %> <%= command.id %>'];

  async run(): Promise<void> {
    const client = await this.client();
    const page = await client.workflows();
    if (this.flags.json) return this.writeJson(page);
    if (page.items.length === 0) {
      return this.write('No workflows yet: a worker registers its own when it starts.');
    }
    const { formatDuration } = await import('@flux/client');
    const limit = (ms: number | null): string => (ms === null ? '-' : formatDuration(ms));
    const columns: Column<WorkflowResource>[] = [
      { title: 'WORKFLOW', text: (row) => row.workflowName },
      { title: 'VERSION', text: (row) => row.version ?? '-' },
      { title: 'WORKERS', text: (row) => String(row.workers), align: 'right' },
      { title: 'RUNNER', text: (row) => row.runner },
      { title: 'GRACE PERIOD', text: (row) => limit(row.gracePeriodMs), optional: true },
      { title: 'TIMEOUT', text: (row) => limit(row.timeoutMs), optional: true },
      { title: 'AGE', text: (row) => age(row.registeredAt), optional: true },
    ];
    const lines = tableOf(columns, page.items, styleFor(process.stdout), process.stdout.columns);
    for (const line of lines) this.write(line);
    return undefined;
  }
}
