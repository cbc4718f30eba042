import { prose } from '../../prose.js';
import { ScheduleCommand } from '../../schedule-command.js';

export default class SchedulePause extends ScheduleCommand<typeof SchedulePause> {
  static override summary = 'Pause a schedule.';
  static override description = prose(`
It fires nothing until it is resumed, and a fire that waits is given up. A single time that passes meanwhile is missed,
and its history says so. What runs goes on.

Exit codes: 0 paused, 1 error, 4 no such schedule.`);
  static override examples = ['<%= config.bin %> <%= command.id %> nightly'];

  async run(): Promise<void> {
    await this.tell(await (await this.client()).pauseSchedule(this.args.NAME));
  }
}
