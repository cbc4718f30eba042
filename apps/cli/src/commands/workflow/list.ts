import type { WorkflowResource } from '@flux/client';
import { ServerCommand } from '../../flux-command.js';
import type { Column } from '../../output/table.js';
import { age } from '../../output/times.js';

export default class WorkflowList extends ServerCommand<typeof WorkflowList> {
  static override summary = 'List the workflows that workers have registered.';
  static override description = 'Exit codes: 0 listed, 1 error.';
  static override examples = ['<%= config.bin %> <%= command.id %>'];

  async run(): Promise<void> {
    const page = await (await this.client()).workflows();
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
    const none = 'No workflows yet: a worker registers its own when it starts.';
    return this.writePage({ page, columns, none });
  }
}
