import { EXIT } from '../../exit-codes.js';
import { prose } from '../../prose.js';
import { ScheduleCommand } from '../../schedule-command.js';

export default class ScheduleTrigger extends ScheduleCommand<typeof ScheduleTrigger> {
  static override summary = 'Fire a schedule now.';
  static override description = prose(`
Paused or not, under its overlap policy: it may be skipped, or wait for the previous execution.

Exit codes: 0 started, skipped or queued, as it says, 1 error (also when nothing could be started), 4 no such schedule.`);
  static override examples = ['<%= config.bin %> <%= command.id %> nightly'];

  async run(): Promise<void> {
    const fire = await (await this.client()).triggerSchedule(this.args.NAME);
    if (fire.outcome === 'failed') process.exitCode = EXIT.error;
    if (this.flags.json) return this.writeJson(fire);
    const { fireWords } = await import('../../output/schedule-view.js');
    return this.write(fireWords(fire));
  }
}
