import { Flags } from '@oclif/core';
import type { ExecutionResource, FluxClient } from '@flux/client';
import { EXECUTION_ARGS, ExecutionCommand } from '../../execution-command.js';
import { EXIT } from '../../exit-codes.js';
import { REASON_FLAG, checkDuration, given } from '../../input/options.js';
import { styleFor } from '../../output/style.js';
import { dateAndTime } from '../../output/times.js';
import { prose } from '../../prose.js';

export default class WorkflowCancel extends ExecutionCommand<typeof WorkflowCancel> {
  static override summary = 'Cancel an execution.';
  static override description = prose(`
Returns as soon as the server has accepted the cancel, which then can no longer be lost. With --sync it waits
until the execution has really stopped.

Exit codes: 0 accepted (with --sync: CANCELLED), 1 error, 2 with --sync: still cancelling at the timeout, 3 already
finished COMPLETED or FAILED, 4 no such execution. Ctrl-C ends the waiting alone: the cancel goes on.`);
  static override examples = [
    '<%= config.bin %> <%= command.id %> crawl 0192f3c4-8a51-7c3e-9d2b-5f1e6a7b8c9d --reason "wrong file"',
    '<%= config.bin %> <%= command.id %> crawl 0192f3c4-8a51-7c3e-9d2b-5f1e6a7b8c9d --sync --timeout 1m',
  ];
  static override args = EXECUTION_ARGS;
  static override flags = {
    sync: Flags.boolean({ description: 'Wait until it has stopped.' }),
    timeout: Flags.string({
      description: 'How long --sync waits; 30s by default.',
      helpValue: 'DURATION',
      dependsOn: ['sync'],
    }),
    ...REASON_FLAG,
    force: Flags.boolean({ description: 'Kill it now: no grace period.' }),
    'grace-period': Flags.string({
      description: "How long its cleanup may take; the workflow's own grace period by default.",
      helpValue: 'DURATION',
    }),
    delay: Flags.string({
      description: 'Let it go on for so long first; flux workflow uncancel takes the cancel back until then.',
      helpValue: 'DURATION',
    }),
  };

  async run(): Promise<void> {
    const { NAME: name, ID: id } = this.args;
    const { reason, force, timeout, delay, 'grace-period': gracePeriod } = this.flags;
    await checkDuration('timeout', timeout);
    await checkDuration('grace-period', gracePeriod);
    await checkDuration('delay', delay);
    const client = await this.client();
    const request = given({ reason, force, gracePeriod, delay });
    const execution = this.flags.sync
      ? await this.#cancelAndWait(client, request)
      : await client.cancel(name, id, request);
    process.exitCode = exitCodeFor(execution, this.flags.sync);
    if (this.flags.json) this.writeJson(execution);
    else await this.#tell(execution);
  }

  async #cancelAndWait(
    client: FluxClient,
    request: Parameters<FluxClient['cancel']>[2],
  ): Promise<ExecutionResource> {
    const { NAME: name, ID: id } = this.args;
    const { timeout } = this.flags;
    const { withProgress } = await import('../../output/progress.js');
    return this.waiting(client, name, id, (signal) =>
      withProgress(`Cancelling ${id}`, this.flags.json, async () => {
        const options = { signal, ...given({ timeout }) };
        return (await client.cancelAndWait(name, id, request, options)).execution;
      }),
    );
  }

  async #tell(execution: ExecutionResource): Promise<void> {
    const { deadlineWords, titleOf } = await import('../../output/execution-view.js');
    const { cancelTimelineOf } = await import('../../output/timeline.js');
    const style = styleFor(process.stdout);
    this.write(titleOf(style, execution));
    for (const line of cancelTimelineOf(style, execution)) this.write(`  ${line}`);
    const { state, cancellation, pendingCancel } = execution;
    if (pendingCancel) {
      this.write(`  begins     ${dateAndTime(pendingCancel.dueAt)} UTC`);
      this.write(`  undo it    ${this.typed(`workflow uncancel ${this.args.NAME} ${this.args.ID}`)}`);
    } else if (state === 'CANCELLING') {
      if (this.flags.sync) this.write('Still cancelling at the timeout; it goes on.');
      if (cancellation) this.write(`  deadline   ${deadlineWords(cancellation)}`);
      this.write(`  follow it  ${this.typed(`workflow watch ${this.args.NAME} ${this.args.ID}`)}`);
    } else if (state !== 'CANCELLED') {
      this.write(`It was ${state} before the cancel reached it.`);
    }
  }
}

function exitCodeFor({ state }: ExecutionResource, sync: boolean): number {
  if (state === 'COMPLETED' || state === 'FAILED') return EXIT.alreadyFinished;
  return sync && state !== 'CANCELLED' ? EXIT.timedOut : EXIT.done;
}
