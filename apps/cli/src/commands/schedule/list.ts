import { Flags } from '@oclif/core';
import type { ScheduleResource } from '@flux/client';
import { ScheduleCommand } from '../../schedule-command.js';
import { styleFor } from '../../output/style.js';
import { tableOf, type Column } from '../../output/table.js';

export default class ScheduleList extends ScheduleCommand<typeof ScheduleList> {
  static override summary = 'List the schedules.';
  static override description = 'One page, by id. Exit codes: 0 listed, 1 error.';
  static override examples = ['<%= config.bin %> <%= command.id %> --workflow report'];
  static override flags = {
    workflow: Flags.string({ description: 'Only of this workflow.', helpValue: 'NAME' }),
    limit: Flags.integer({ description: 'How many a page has.', min: 1, max: 1000, helpValue: 'N' }),
    cursor: Flags.string({ description: 'Where the page begins: nextCursor of the page before.' }),
  };

  async run(): Promise<void> {
    const { workflow, limit, cursor, json } = this.flags;
    const client = await this.client();
    const page = await client.schedules({
      ...(workflow && { workflowName: workflow }),
      ...(limit && { limit }),
      ...(cursor && { cursor }),
    });
    if (json) return this.writeJson(page);
    if (page.items.length === 0) return this.write('No schedules.');
    const { stateWords, timingWords, until } = await import('../../output/schedule-view.js');
    const columns: Column<ScheduleResource>[] = [
      { title: 'SCHEDULE', text: (row) => row.scheduleId },
      { title: 'STATE', text: stateWords },
      { title: 'NEXT IN', text: (row) => until(row.nextFireTimes[0]), align: 'right' },
      { title: 'FIRES', text: timingWords },
      { title: 'LAST', text: (row) => row.lastFire?.outcome ?? '-', optional: true },
      { title: 'WORKFLOW', text: (row) => row.workflowName, optional: true },
    ];
    const style = styleFor(process.stdout);
    for (const line of tableOf(columns, page.items, style, process.stdout.columns)) this.write(line);
    if (page.nextCursor !== null) this.write(style('dim', `There are more: --cursor ${page.nextCursor}.`));
    return undefined;
  }
}
