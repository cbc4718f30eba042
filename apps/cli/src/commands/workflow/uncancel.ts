import { Flags } from '@oclif/core';
import { EXECUTION_ARGS } from '../../execution-command.js';
import { ServerCommand } from '../../flux-command.js';
import { styleFor } from '../../output/style.js';
import { prose } from '../../prose.js';

export default class WorkflowUncancel extends ServerCommand<typeof WorkflowUncancel> {
  static override summary = 'Take the cancel of an execution back.';
  static override description = prose(`
Possible while nothing has been signalled: within the --delay of the cancel, and for an execution that sleeps, is paused
or waits for a worker, until one takes its cleanup up. It is then as it was before.

Exit codes: 0 taken back, 1 error (also when no cancel is under way), 3 too late: delivered, or finished, 4 no such
execution.`);
  static override examples = [
    '<%= config.bin %> <%= command.id %> crawl 0192f3c4-8a51-7c3e-9d2b-5f1e6a7b8c9d --reason "it was the right file"',
  ];
  static override args = EXECUTION_ARGS;
  static override flags = {
    reason: Flags.string({ description: 'Why, for its history.', helpValue: 'TEXT' }),
  };

  async run(): Promise<void> {
    const { NAME: name, ID: id } = this.args;
    const { reason, json } = this.flags;
    const client = await this.client();
    const execution = await client.undoCancel(name, id, reason ? { reason } : {});
    if (json) return this.writeJson(execution);
    const { titleOf } = await import('../../output/execution-view.js');
    this.write(titleOf(styleFor(process.stdout), execution));
    this.write('Its cancel is taken back: no signal of it reaches the body.');
    return undefined;
  }
}
