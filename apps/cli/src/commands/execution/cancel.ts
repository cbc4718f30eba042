import { Flags } from '@oclif/core';
import type { BulkCancelRequest, BulkFilter, FluxClient } from '@flux/client';
import { BulkCommand } from '../../bulk-command.js';
import { UsageError } from '../../errors.js';
import { executionFilterFlags, readFilter } from '../../input/execution-filter.js';
import { checkDuration, given, YES_FLAG } from '../../input/options.js';
import { STATES, hasEnded, styleFor } from '../../output/style.js';
import { prose } from '../../prose.js';

export default class ExecutionCancel extends BulkCommand<typeof ExecutionCancel> {
  static override summary = 'Cancel many executions.';
  static override description = prose(`
Those that fit every filter and have not ended are cancelled; what is started later is not. It shows what it is about
to cancel and asks, if that is more than one. The server does the work: Ctrl-C ends the watching alone, and
flux cancellation stop ends the rest.

Exit codes: 0 all CANCELLED, 1 error, refused or not confirmed, 5 some were not cancelled.`);
  static override examples = [
    '<%= config.bin %> <%= command.id %> --workflow crawl --label team=media --reason "wrong batch"',
    '<%= config.bin %> <%= command.id %> --created-before 2026-11-22 --dry-run',
    '<%= config.bin %> <%= command.id %> --all --yes --rate 50',
  ];
  static override flags = {
    ...executionFilterFlags(STATES.filter((state) => !hasEnded(state))),
    worker: Flags.string({ description: 'Only what the workers of this name hold.', helpValue: 'NAME' }),
    all: Flags.boolean({ description: 'Every execution that has not ended; instead of filters.' }),
    'dry-run': Flags.boolean({ description: 'Only show what would be cancelled.' }),
    ...YES_FLAG,
    reason: Flags.string({ description: 'Why, for their histories.', helpValue: 'TEXT' }),
    force: Flags.boolean({ description: 'Kill them now: no grace period.' }),
    'grace-period': Flags.string({
      description: "How long each cleanup may take; each workflow's own grace period by default.",
      helpValue: 'DURATION',
    }),
    rate: Flags.string({ description: 'At most so many a second.', helpValue: 'N' }),
  };

  async run(): Promise<void> {
    const request = await this.#request();
    const client = await this.client();
    if (this.flags['dry-run']) return this.#show(client, request.filter);
    if (!this.flags.yes && !(await this.confirmed(client, request.filter))) return this.tellRefusal();
    return this.followToEnd(client, await client.cancelMany(request));
  }

  async #request(): Promise<BulkCancelRequest> {
    const { reason, force, rate, 'grace-period': gracePeriod } = this.flags;
    await checkDuration('grace-period', gracePeriod);
    const ratePerSecond = rate === undefined ? undefined : Number(rate);
    if (ratePerSecond !== undefined && !(ratePerSecond > 0)) {
      throw this.usageError(`--rate: '${rate}' is not a number greater than 0`);
    }
    return {
      filter: this.#filter(),
      ...given({ reason, force, gracePeriod, ratePerSecond }),
    };
  }

  #filter(): BulkFilter {
    const { worker } = this.flags;
    const filter = { ...readFilter(this.flags), ...given({ worker }) };
    const isEmpty = Object.keys(filter).length === 0;
    if (isEmpty && this.flags.all) return { all: true };
    if (isEmpty) {
      throw new UsageError(
        'no filter says which executions to cancel',
        'Give one, such as --workflow or --label; --all is every execution that has not ended.',
      );
    }
    if (this.flags.all) throw this.usageError('--all goes with no other filter');
    return filter;
  }

  async #show(client: FluxClient, filter: BulkFilter): Promise<void> {
    const preview = await client.previewCancelMany(filter);
    if (this.flags.json) return this.writeJson(preview);
    const { previewOf } = await import('../../output/bulk-view.js');
    return this.write(...(await previewOf(styleFor(process.stdout), preview, process.stdout.columns)));
  }
}
