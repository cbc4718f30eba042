import type { FireResource } from '@flux/client';
import { styleFor } from '../../output/style.js';
import type { Column } from '../../output/table.js';
import { dateAndTime } from '../../output/times.js';
import { ScheduleCommand } from '../../schedule-command.js';
import { PAGE_FLAGS, given } from '../../input/options.js';

export default class ScheduleHistory extends ScheduleCommand<typeof ScheduleHistory> {
  static override summary = "Tell a schedule's fires, newest first.";
  static override description =
    'One page; the last 1,000 fires are kept. Times are in UTC. Exit codes: 0 told, 1 error, 4 no such schedule.';
  static override examples = ['<%= config.bin %> <%= command.id %> nightly --limit 10'];
  static override flags = PAGE_FLAGS;

  async run(): Promise<void> {
    const { limit, cursor } = this.flags;
    const client = await this.client();
    const page = await client.scheduleHistory(this.args.NAME, given({ limit, cursor }));
    const { styleOutcome } = await import('../../output/schedule-view.js');
    const style = styleFor(process.stdout);
    const columns: Column<FireResource>[] = [
      { title: 'PLANNED (UTC)', text: (row) => dateAndTime(row.plannedAt) },
      { title: 'FIRED (UTC)', text: (row) => dateAndTime(row.firedAt), optional: true },
      {
        title: 'OUTCOME',
        text: (row) => row.outcome,
        paint: (row, cell) => cell.replace(row.outcome, styleOutcome(style, row.outcome)),
      },
      { title: 'TIMES', text: (row) => String(row.count), align: 'right', optional: true },
      { title: 'EXECUTION', text: (row) => row.executionId ?? '-' },
      { title: 'REASON', text: reasonOf, optional: true },
    ];
    return this.writePage({ page, columns, none: 'It has not fired yet.' });
  }
}

function reasonOf({ triggeredBy, code, reason }: FireResource): string {
  const by = triggeredBy === null ? null : `triggered by ${triggeredBy}`;
  return [by, code, reason].filter((part) => part !== null).join('; ');
}
