import { Flags } from '@oclif/core';
import { ServerCommand } from '../../flux-command.js';
import { CANCELLATION_ARGS, given } from '../../input/options.js';
import { styleFor } from '../../output/style.js';
import { prose } from '../../prose.js';

export default class CancellationStop extends ServerCommand<typeof CancellationStop> {
  static override summary = 'Stop a bulk cancel.';
  static override description = prose(`
No further execution is asked, but for the few that are being asked right now. What was cancelled stays cancelled;
--undo takes back what has not been signalled yet: executions that sleep, are paused or wait for a worker.

Exit codes: 0 stopped, or ended before; 1 error; 4 no such bulk cancel.`);
  static override examples = ['<%= config.bin %> <%= command.id %> 0192f3c4-8a51-7c3e-9d2b-5f1e6a7b8c9d'];
  static override args = CANCELLATION_ARGS;

  static override flags = {
    undo: Flags.boolean({ description: 'Take back what has not been signalled.' }),
    reason: Flags.string({ description: 'Why it is taken back.', helpValue: 'TEXT', dependsOn: ['undo'] }),
  };

  async run(): Promise<void> {
    const client = await this.client();
    const { undo, reason } = this.flags;
    const job = await client.stopCancellation(this.args.ID, given({ undo, reason }));
    if (this.flags.json) return this.writeJson(job);
    const { summaryOf } = await import('../../output/bulk-view.js');
    this.write(job.state === 'stopped' ? 'Stopped.' : 'It had ended before.');
    return this.write(...summaryOf(styleFor(process.stdout), job));
  }
}
