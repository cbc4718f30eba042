import { BulkCommand } from '../../bulk-command.js';
import { CANCELLATION_ARGS } from '../../input/options.js';

export default class CancellationWatch extends BulkCommand<typeof CancellationWatch> {
  static override summary = 'Follow a bulk cancel to its end.';
  static override description = `Exit codes: 0 all CANCELLED, 1 error, 4 no such bulk cancel, 5 some were not cancelled.`;
  static override examples = ['<%= config.bin %> <%= command.id %> 0192f3c4-8a51-7c3e-9d2b-5f1e6a7b8c9d'];
  static override args = CANCELLATION_ARGS;

  async run(): Promise<void> {
    const client = await this.client();
    await this.followToEnd(client, await client.cancellation(this.args.ID));
  }
}
