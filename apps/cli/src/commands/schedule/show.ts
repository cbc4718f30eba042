import { ScheduleCommand } from '../../schedule-command.js';

export default class ScheduleShow extends ScheduleCommand<typeof ScheduleShow> {
  static override summary = 'Show a schedule: what it does, its coming times and its last fire.';
  static override description = 'Exit codes: 0 shown, 1 error, 4 no such schedule.';
  static override examples = ['<%= config.bin %> <%= command.id %> nightly'];

  async run(): Promise<void> {
    await this.tell(await (await this.client()).schedule(this.args.NAME));
  }
}
