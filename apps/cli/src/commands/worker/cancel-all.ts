import { Flags } from '@oclif/core';
import { BulkCommand } from '../../bulk-command.js';
import { checkDuration, given, YES_FLAG } from '../../input/options.js';
import { prose } from '../../prose.js';
import { WORKER_ARGS } from '../../worker-command.js';

export default class WorkerCancelAll extends BulkCommand<typeof WorkerCancelAll> {
  static override summary = 'Cancel what the workers of a name run.';
  static override description = prose(`
All that they hold now is cancelled, by a bulk cancel that is followed to its end; flux execution cancel --worker NAME
takes more filters, and --dry-run. They go on taking others: flux worker pause comes first where they shall not.

Exit codes: 0 all CANCELLED, 1 error, refused or not confirmed, 4 no such worker, 5 some were not cancelled.`);
  static override examples = ['<%= config.bin %> <%= command.id %> worker-a --reason "wrong batch" --yes'];
  static override args = WORKER_ARGS;
  static override flags = {
    ...YES_FLAG,
    reason: Flags.string({ description: 'Why, for their histories.', helpValue: 'TEXT' }),
    force: Flags.boolean({ description: 'Kill them now: no grace period.' }),
    'grace-period': Flags.string({
      description: "How long each cleanup may take; each workflow's own grace period by default.",
      helpValue: 'DURATION',
    }),
  };

  async run(): Promise<void> {
    const { reason, force, yes, 'grace-period': gracePeriod } = this.flags;
    const { NAME: name } = this.args;
    await checkDuration('grace-period', gracePeriod);
    const client = await this.client();
    if (!yes && !(await this.confirmed(client, { worker: name }))) return this.tellRefusal();
    const job = await client.cancelAllOfWorker(name, given({ reason, force, gracePeriod }));
    return this.followToEnd(client, job);
  }
}
