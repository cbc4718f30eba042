import { Args, Flags } from '@oclif/core';
import type { ExecutionResource, FluxClient, StreamRequest } from '@flux/client';
import { ExecutionCommand } from '../../execution-command.js';
import { EXIT } from '../../exit-codes.js';
import { checkDuration, given, labelFlag, readLabels } from '../../input/options.js';
import { readInput } from '../../input/read-input.js';
import { styleFor } from '../../output/style.js';
import { prose } from '../../prose.js';

type Request = StreamRequest & { readonly executionId: string };

export default class WorkflowRun extends ExecutionCommand<typeof WorkflowRun> {
  static override summary = 'Start an execution of a workflow.';
  static override description = prose(`
--mode async returns its id at once, sync waits for its end, stream tells its events until its end.

Exit codes: 0 started (sync and stream: COMPLETED), 1 error (sync and stream: FAILED or CANCELLED too), 2 sync: still
running at the timeout, 4 no such workflow. Ctrl-C ends the waiting alone: the execution goes on.`);
  static override examples = [
    `<%= config.bin %> <%= command.id %> crawl '{"urls": ["https://example.org"]}'`,
    '<%= config.bin %> <%= command.id %> crawl @input.json --mode sync --timeout 5m',
    `echo '{"urls": []}' | <%= config.bin %> <%= command.id %> crawl - --label team=media`,
  ];
  static override args = {
    NAME: Args.string({ description: "The workflow's name.", required: true, ignoreStdin: true }),
    INPUT: Args.string({ description: 'Its input: JSON, @file.json, or - for stdin.', ignoreStdin: true }),
  };
  static override flags = {
    mode: Flags.option({ options: ['async', 'sync', 'stream'] as const })({
      description: 'Return at once, wait, or follow.',
      default: 'async',
    }),
    timeout: Flags.string({
      description: 'How long --mode sync waits; 30s by default.',
      helpValue: 'DURATION',
    }),
    id: Flags.string({
      description: 'Its id, a UUID: the same id and input again is the same execution.',
      helpValue: 'ID',
    }),
    label: labelFlag('A label to find it by; may be given many times.'),
  };

  async run(): Promise<void> {
    const { mode, timeout, id, label } = this.flags;
    if (timeout !== undefined && mode !== 'sync') {
      throw this.usageError('--timeout is how long --mode sync waits: it needs --mode sync');
    }
    await checkDuration('timeout', timeout);
    const labels = readLabels(label);
    const input = await readInput(this.args.INPUT);
    const client = await this.client();
    const { newExecutionId } = await import('@flux/client');
    const request: Request = {
      // Chosen here, so that Ctrl-C can say which execution goes on.
      executionId: id ?? newExecutionId(),
      input,
      labels,
    };
    if (mode === 'stream') return this.#stream(client, request);
    if (mode === 'sync') return this.#sync(client, request);
    return this.#start(client, request);
  }

  async #start(client: FluxClient, request: Request): Promise<void> {
    const name = this.args.NAME;
    const { execution, created } = await client.start(name, request);
    const ended = execution.finishedAt !== null;
    return this.tellBriefly(
      execution,
      !created && 'It was there already: nothing new was started.',
      !ended && `  follow it  ${this.typed(`workflow watch ${name} ${execution.executionId}`)}`,
      !ended && `  stop it    ${this.typed(`workflow cancel ${name} ${execution.executionId}`)}`,
    );
  }

  async #sync(client: FluxClient, request: Request): Promise<void> {
    const name = this.args.NAME;
    const { timeout } = this.flags;
    const { withProgress } = await import('../../output/progress.js');
    const waited = await this.waiting(client, name, request.executionId, (signal) =>
      withProgress(`Running ${name} ${request.executionId}`, this.flags.json, () =>
        client.startAndWait(name, request, { signal, ...given({ timeout }) }),
      ),
    );
    process.exitCode = waited.finished ? exitCodeFor(waited.execution) : EXIT.timedOut;
    await this.#tell(waited.execution, waited.finished);
  }

  async #stream(client: FluxClient, request: Request): Promise<void> {
    const { NAME: name } = this.args;
    const { json } = this.flags;
    if (!json) this.write(`${styleFor(process.stdout)('bold', name)} ${request.executionId}`);
    const execution = await this.waiting(client, name, request.executionId, async (signal) => {
      await this.tellEvents(client.startAndWatch(name, request, { signal }), '  ');
      return client.get(name, request.executionId, { signal });
    });
    process.exitCode = exitCodeFor(execution);
    if (!json && execution.output !== null) this.write(JSON.stringify(execution.output, null, 2));
  }

  async #tell(execution: ExecutionResource, finished: boolean): Promise<void> {
    if (this.flags.json) return this.writeJson(execution);
    const { statusLines } = await import('../../output/execution-view.js');
    this.write(...statusLines(styleFor(process.stdout), execution));
    if (finished) return undefined;
    return this.write(
      'Still running at the timeout; it goes on.',
      `  follow it  ${this.typed(`workflow watch ${this.args.NAME} ${execution.executionId}`)}`,
    );
  }
}

function exitCodeFor({ state }: ExecutionResource): number {
  return state === 'COMPLETED' ? EXIT.done : EXIT.error;
}
