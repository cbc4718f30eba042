import type { Command } from '@oclif/core';
import type { BulkCancelResource, FluxClient } from '@flux/client';
import { Interrupted } from './errors.js';
import { EXIT } from './exit-codes.js';
import { ServerCommand } from './flux-command.js';
import { interruptible } from './interruption.js';
import { styleFor } from './output/style.js';

/** A command that follows a bulk cancel to its end, until Ctrl-C. */
export abstract class BulkCommand<T extends typeof Command> extends ServerCommand<T> {
  /** Tells its progress, then what became of it; sets the exit code. Ctrl-C ends the watching alone. */
  protected async followToEnd(client: FluxClient, job: BulkCancelResource): Promise<void> {
    const { json } = this.flags as { json: boolean };
    const last = job.finishedAt === null ? await this.follow(client, job, json) : job;
    process.exitCode = last.counts.cancelled === last.counts.total ? EXIT.done : EXIT.partlyFailed;
    if (json) return this.writeJson(last);
    const { summaryOf } = await import('./output/bulk-view.js');
    for (const line of summaryOf(styleFor(process.stdout), last)) this.write(line);
    if (last.counts.total > 0) this.write(`  bulk cancel ${last.cancellationId}`);
    return undefined;
  }

  private async follow(
    client: FluxClient,
    job: BulkCancelResource,
    json: boolean,
  ): Promise<BulkCancelResource> {
    const [{ showProgress }, { barOf, executions }] = await Promise.all([
      import('./output/progress.js'),
      import('./output/bulk-view.js'),
    ]);
    const progress = await showProgress(`Cancelling ${executions(job.counts.total)}`, json);
    const { cancellationId: id } = job;
    try {
      return await interruptible(async (signal) => {
        let last = job;
        for await (last of client.watchCancellation(id, { signal })) progress.tell(barOf(last));
        return last;
      });
    } catch (error) {
      progress.done();
      if (error instanceof Interrupted) {
        process.stderr.write(
          `\nStopped watching; the bulk cancel goes on.\n  ${this.typed(`cancellation watch ${id}`)}\n  ${this.typed(`cancellation stop ${id}`)}\n`,
        );
      }
      throw error;
    } finally {
      progress.done();
    }
  }
}
