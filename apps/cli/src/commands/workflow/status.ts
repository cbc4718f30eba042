import { Flags } from '@oclif/core';
import { EXECUTION_ARGS } from '../../execution-command.js';
import { ServerCommand } from '../../flux-command.js';
import { styleFor } from '../../output/style.js';

export default class WorkflowStatus extends ServerCommand<typeof WorkflowStatus> {
  static override summary = 'Show an execution: its state, its result and its timeline.';
  static override description = 'Exit codes: 0 shown, 1 error, 4 no such execution.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> crawl 0192f3c4-8a51-7c3e-9d2b-5f1e6a7b8c9d --detailed',
  ];
  static override args = EXECUTION_ARGS;
  static override flags = {
    detailed: Flags.boolean({ description: 'With every event of its history.' }),
  };

  async run(): Promise<void> {
    const client = await this.client();
    const { detailed, json } = this.flags;
    const execution = await client.get(this.args.NAME, this.args.ID, detailed ? { detailed } : {});
    if (json) return this.writeJson(execution);
    const { statusLines } = await import('../../output/execution-view.js');
    return this.write(...statusLines(styleFor(process.stdout), execution));
  }
}
