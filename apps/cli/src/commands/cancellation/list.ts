import type { BulkCancelResource } from '@flux/client';
import { ServerCommand } from '../../flux-command.js';
import { PAGE_FLAGS, given } from '../../input/options.js';
import type { Column } from '../../output/table.js';
import { age } from '../../output/times.js';

export default class CancellationList extends ServerCommand<typeof CancellationList> {
  static override summary = 'List bulk cancels, newest first.';
  static override examples = ['<%= config.bin %> <%= command.id %>'];
  static override flags = PAGE_FLAGS;

  async run(): Promise<void> {
    const { limit, cursor } = this.flags;
    const client = await this.client();
    const page = await client.cancellations(given({ limit, cursor }));
    const { grouped } = await import('../../output/bulk-view.js');
    const columns: Column<BulkCancelResource>[] = [
      { title: 'BULK CANCEL', text: (row) => row.cancellationId },
      { title: 'STATE', text: (row) => row.state },
      { title: 'CANCELLED', text: (row) => grouped(row.counts.cancelled), align: 'right' },
      { title: 'OF', text: (row) => grouped(row.counts.total), align: 'right' },
      { title: 'AGE', text: (row) => age(row.createdAt), align: 'right' },
      { title: 'BY', text: (row) => row.requestedBy },
      { title: 'REASON', text: (row) => row.reason ?? '', optional: true },
    ];
    return this.writePage({ page, columns, none: 'No bulk cancels.', ending: '' });
  }
}
