import { prose } from '../../prose.js';
import { ScheduleCommand } from '../../schedule-command.js';

export default class ScheduleResume extends ScheduleCommand<typeof ScheduleResume> {
  static override summary = 'Resume a paused schedule.';
  static override description = prose(`
It goes on with its next planned time; what was due while it was paused is not made up for.

Exit codes: 0 resumed, 1 error, 4 no such schedule.`);
  static override examples = ['<%= config.bin %> <%= command.id %> nightly'];

  async run(): Promise<void> {
    await this.tell(await (await this.client()).resumeSchedule(this.args.NAME));
  }
}
