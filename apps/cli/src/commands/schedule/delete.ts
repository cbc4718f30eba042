import { Flags } from '@oclif/core';
import { confirm } from '../../input/confirm.js';
import { prose } from '../../prose.js';
import { ScheduleCommand } from '../../schedule-command.js';

export default class ScheduleDelete extends ScheduleCommand<typeof ScheduleDelete> {
  static override summary = 'Delete a schedule and its history.';
  static override description = prose(`
Executions that it started go on. On a terminal it asks first, unless --yes is given.

Exit codes: 0 deleted, or kept as answered, 1 error, 4 no such schedule.`);
  static override examples = ['<%= config.bin %> <%= command.id %> nightly --yes'];
  static override flags = { yes: Flags.boolean({ description: 'Do not ask.', char: 'y' }) };

  async run(): Promise<void> {
    const name = this.args.NAME;
    const client = await this.client();
    if (!(await this.#isConfirmed())) return this.write('It stays.');
    const schedule = await client.deleteSchedule(name);
    if (this.flags.json) return this.writeJson(schedule);
    return this.write(`Deleted ${schedule.scheduleId}.`);
  }

  async #isConfirmed(): Promise<boolean> {
    if (this.flags.yes || this.flags.json || !process.stdin.isTTY || !process.stderr.isTTY) return true;
    return confirm(`Delete the schedule ${this.args.NAME} and its history?`);
  }
}
