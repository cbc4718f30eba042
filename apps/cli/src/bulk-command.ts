import type { Command } from '@oclif/core';
import type { BulkCancelResource, BulkFilter, FluxClient } from '@flux/client';
import { Interrupted, UsageError } from './errors.js';
import { EXIT } from './exit-codes.js';
import { ServerCommand } from './flux-command.js';
import { interruptible } from './interruption.js';
import { styleFor } from './output/style.js';

/** A command that follows a bulk cancel to its end, until Ctrl-C. */
export abstract class BulkCommand<T extends typeof Command> extends ServerCommand<T> {
  /** Tells its progress, then what became of it; sets the exit code. Ctrl-C ends the watching alone. */
  protected async followToEnd(client: FluxClient, job: BulkCancelResource): Promise<void> {
    const { json } = this.flags as { json: boolean };
    const last = job.finishedAt === null ? await this.#follow(client, job, json) : job;
    process.exitCode = last.counts.cancelled === last.counts.total ? EXIT.done : EXIT.partlyFailed;
    if (json) return this.writeJson(last);
    const { summaryOf } = await import('./output/bulk-view.js');
    this.write(...summaryOf(styleFor(process.stdout), last));
    if (last.counts.total > 0) this.write(`  bulk cancel ${last.cancellationId}`);
    return undefined;
  }

  /** A cancel of one execution or none needs no confirmation. */
  protected async confirmed(client: FluxClient, filter: BulkFilter): Promise<boolean> {
    const preview = await client.previewCancelMany(filter);
    if (preview.total <= 1) return true;
    const { executions, previewOf } = await import('./output/bulk-view.js');
    if (!process.stdin.isTTY || !process.stderr.isTTY) {
      throw new UsageError(
        `this would cancel ${executions(preview.total)}, and there is no terminal to ask on`,
        'Look at them with --dry-run; --yes cancels them without asking.',
      );
    }
    const lines = await previewOf(styleFor(process.stderr), preview, process.stderr.columns);
    process.stderr.write(`${lines.join('\n')}\n`);
    const { confirm } = await import('./input/confirm.js');
    return confirm(`Cancel ${executions(preview.total)}?`);
  }

  /** Says that the answer was no. */
  protected tellRefusal(): void {
    process.stderr.write('Nothing was cancelled.\n');
    process.exitCode = EXIT.error;
  }

  async #follow(client: FluxClient, job: BulkCancelResource, json: boolean): Promise<BulkCancelResource> {
    const [{ withProgress }, { barOf, executions }] = await Promise.all([
      import('./output/progress.js'),
      import('./output/bulk-view.js'),
    ]);
    const { cancellationId: id } = job;
    try {
      return await withProgress(`Cancelling ${executions(job.counts.total)}`, json, (tell) =>
        interruptible(async (signal) => {
          let last = job;
          for await (last of client.watchCancellation(id, { signal })) tell(barOf(last));
          return last;
        }),
      );
    } catch (error) {
      if (error instanceof Interrupted) {
        process.stderr.write(
          `\nStopped watching; the bulk cancel goes on.\n  ${this.typed(`cancellation watch ${id}`)}\n  ${this.typed(`cancellation stop ${id}`)}\n`,
        );
      }
      throw error;
    }
  }
}
