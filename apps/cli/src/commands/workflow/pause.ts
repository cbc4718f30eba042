import { Flags } from '@oclif/core';
import { EXECUTION_ARGS } from '../../execution-command.js';
import { ServerCommand } from '../../flux-command.js';
import { styleFor } from '../../output/style.js';
import { prose } from '../../prose.js';

export default class WorkflowPause extends ServerCommand<typeof WorkflowPause> {
  static override summary = 'Pause an execution.';
  static override description = prose(`
One that runs is parked at its next call, once no task of it is under way; until then it stays RUNNING. It takes no
place while it is paused. flux workflow resume lets it go on.

Exit codes: 0 accepted, 1 error (also when it is being cancelled), 3 already finished, 4 no such execution.`);
  static override examples = [
    '<%= config.bin %> <%= command.id %> crawl 0192f3c4-8a51-7c3e-9d2b-5f1e6a7b8c9d --reason "disk is full"',
  ];
  static override args = EXECUTION_ARGS;
  static override flags = {
    reason: Flags.string({ description: 'Why, for its history.', helpValue: 'TEXT' }),
  };

  async run(): Promise<void> {
    const { NAME: name, ID: id } = this.args;
    const { reason, json } = this.flags;
    const client = await this.client();
    const execution = await client.pause(name, id, reason ? { reason } : {});
    if (json) return this.writeJson(execution);
    const { titleOf } = await import('../../output/execution-view.js');
    this.write(titleOf(styleFor(process.stdout), execution));
    if (execution.state !== 'PAUSED') this.write('It pauses at its next call, once no task is under way.');
    this.write(`  resume it  flux workflow resume ${name} ${id}`);
    return undefined;
  }
}
