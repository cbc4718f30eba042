import { Flags } from '@oclif/core';
import { EXECUTION_ARGS } from '../../execution-command.js';
import { ServerCommand } from '../../flux-command.js';
import { styleFor } from '../../output/style.js';

export default class WorkflowReceipt extends ServerCommand<typeof WorkflowReceipt> {
  static override summary =
    'Show what became of an execution: what was done, what undone, and what was cut off with unknown effect.';
  static override description =
    'Who stopped it and why, and when; of one that has not ended, how far that is. Exit codes: 0 shown, 1 error, 4 no such execution.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> crawl 0192f3c4-8a51-7c3e-9d2b-5f1e6a7b8c9d',
  ];
  static override args = EXECUTION_ARGS;
  static override flags = {
    limit: Flags.integer({ description: 'The most lines of each part.', default: 100, min: 1, max: 500 }),
    cursor: Flags.string({ description: 'Go on with a part where an earlier page of it ended.' }),
  };

  async run(): Promise<void> {
    const client = await this.client();
    const { json, limit, cursor } = this.flags;
    const receipt = await client.receipt(this.args.NAME, this.args.ID, {
      limit,
      ...(cursor !== undefined && { cursor }),
    });
    if (json) return this.writeJson(receipt);
    const { receiptLines } = await import('../../output/receipt-view.js');
    return this.write(...receiptLines(styleFor(process.stdout), receipt));
  }
}
