import { Flags } from '@oclif/core';
import type { ListedScheduleResource } from '@flux/client';
import { ServerCommand } from '../../flux-command.js';
import { PAGE_FLAGS, given } from '../../input/options.js';
import type { Column } from '../../output/table.js';

export default class ScheduleList extends ServerCommand<typeof ScheduleList> {
  static override summary = 'List the schedules.';
  static override description = 'One page, by id. Exit codes: 0 listed, 1 error.';
  static override examples = ['<%= config.bin %> <%= command.id %> --workflow report'];
  static override flags = {
    workflow: Flags.string({ description: 'Only of this workflow.', helpValue: 'NAME' }),
    ...PAGE_FLAGS,
  };

  async run(): Promise<void> {
    const { workflow: workflowName, limit, cursor } = this.flags;
    const client = await this.client();
    const page = await client.schedules(given({ workflowName, limit, cursor }));
    const { stateWords, timingWords, until } = await import('../../output/schedule-view.js');
    const columns: Column<ListedScheduleResource>[] = [
      { title: 'SCHEDULE', text: (row) => row.scheduleId },
      { title: 'STATE', text: stateWords },
      { title: 'NEXT IN', text: (row) => until(row.nextFireTimes[0]), align: 'right' },
      { title: 'FIRES', text: timingWords },
      { title: 'LAST', text: (row) => row.lastFire?.outcome ?? '-', optional: true },
      { title: 'WORKFLOW', text: (row) => row.workflowName, optional: true },
    ];
    return this.writePage({ page, columns, none: 'No schedules.' });
  }
}
