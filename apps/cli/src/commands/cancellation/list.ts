import { Flags } from '@oclif/core';
import type { BulkCancelResource } from '@flux/client';
import { ServerCommand } from '../../flux-command.js';
import { styleFor } from '../../output/style.js';
import { tableOf, type Column } from '../../output/table.js';
import { age } from '../../output/times.js';

export default class CancellationList extends ServerCommand<typeof CancellationList> {
  static override summary = 'List bulk cancels, newest first.';
  static override examples = ['<%= config.bin %> <%= command.id %>'];
  static override flags = {
    limit: Flags.integer({ description: 'How many a page has.', min: 1, max: 1000, helpValue: 'N' }),
    cursor: Flags.string({ description: 'Where the page begins: nextCursor of the page before.' }),
  };

  async run(): Promise<void> {
    const { limit, cursor, json } = this.flags;
    const client = await this.client();
    const page = await client.cancellations({ ...(limit && { limit }), ...(cursor && { cursor }) });
    if (json) return this.writeJson(page);
    if (page.items.length === 0) this.write('No bulk cancels.');
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
    const style = styleFor(process.stdout);
    const lines = page.items.length === 0 ? [] : tableOf(columns, page.items, style, process.stdout.columns);
    for (const line of lines) this.write(line);
    if (page.nextCursor !== null) this.write(style('dim', `There are more: --cursor ${page.nextCursor}`));
    return undefined;
  }
}
