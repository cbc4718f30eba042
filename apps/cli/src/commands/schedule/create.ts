import { Args, Flags } from '@oclif/core';
import type { CreateScheduleRequest } from '@flux/client';
import { checkDuration, given, labelFlag, readLabels, readTime } from '../../input/options.js';
import { readInput } from '../../input/read-input.js';
import { prose } from '../../prose.js';
import { ScheduleCommand } from '../../schedule-command.js';

export default class ScheduleCreate extends ScheduleCommand<typeof ScheduleCreate> {
  static override summary = 'Schedule executions of a workflow.';
  static override description = prose(`
Give exactly one of --cron, --every and --at. The same command again changes nothing.

Exit codes: 0 created, or there already as asked, 1 error, 4 no such workflow.`);
  static override examples = [
    `<%= config.bin %> <%= command.id %> nightly --workflow report --cron '0 2 * * *' --time-zone Europe/Berlin`,
    `<%= config.bin %> <%= command.id %> sync '{"full": false}' --workflow sync --every 15m --overlap queue`,
    '<%= config.bin %> <%= command.id %> launch --workflow publish --at 2026-12-01T09:00:00Z',
  ];
  static override args = {
    ...ScheduleCommand.args,
    INPUT: Args.string({
      description: 'The input of each execution: JSON, @file.json, or - for stdin.',
      ignoreStdin: true,
    }),
  };
  static override flags = {
    workflow: Flags.string({ description: 'The workflow to run.', required: true, helpValue: 'NAME' }),
    cron: Flags.string({
      description: 'Minute, hour, day of month, month, day of week.',
      helpValue: "'0 2 * * *'",
      exclusive: ['every', 'at'],
    }),
    'time-zone': Flags.string({
      description: 'Of --cron, such as Europe/Berlin; UTC by default.',
      helpValue: 'ZONE',
      dependsOn: ['cron'],
    }),
    every: Flags.string({ description: 'An interval.', helpValue: 'DURATION', exclusive: ['cron', 'at'] }),
    at: Flags.string({ description: 'Once (ISO 8601).', helpValue: 'TIME', exclusive: ['cron', 'every'] }),
    overlap: Flags.option({ options: ['skip', 'queue', 'cancel', 'allow'] as const })({
      description: 'What a fire does that finds the previous execution going on; skip by default.',
    }),
    'catch-up': Flags.string({
      description: 'How late a fire is made up for; 1m by default.',
      helpValue: 'DURATION',
    }),
    label: labelFlag('A label of each execution; may be given many times.'),
    timeout: Flags.string({ description: 'The time limit of each execution.', helpValue: 'DURATION' }),
    note: Flags.string({ description: 'What it is for.', helpValue: 'TEXT' }),
    paused: Flags.boolean({ description: 'Fire nothing until it is resumed.' }),
  };

  async run(): Promise<void> {
    const request = await this.#request();
    const client = await this.client();
    const { schedule, created } = await client.createSchedule(request);
    if (!created && !this.flags.json) this.write('It was there already: nothing new was made.');
    await this.tell(schedule);
  }

  async #request(): Promise<CreateScheduleRequest> {
    const { workflow, cron, every, at, overlap, label, timeout, note, paused } = this.flags;
    const { 'time-zone': timeZone, 'catch-up': catchUp } = this.flags;
    if (cron === undefined && every === undefined && at === undefined) {
      throw this.usageError('when is it to fire? Give --cron, --every or --at');
    }
    await checkDuration('every', every);
    await checkDuration('catch-up', catchUp);
    await checkDuration('timeout', timeout);
    return {
      scheduleId: this.args.NAME,
      workflowName: workflow,
      cron,
      ...given({ at: readTime('at', at), labels: readLabels(label), timeout, timeZone, every }),
      ...given({ overlap, catchUp, note, paused }),
      input: await readInput(this.args.INPUT),
    };
  }
}
