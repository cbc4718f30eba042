import { Args, Flags } from '@oclif/core';
import { FluxCommand } from '../../flux-command.js';
import { WORKFLOWS_FLAG } from '../../input/options.js';
import { serve } from '../../serve.js';
import { prose } from '../../prose.js';

export default class StartWorker extends FluxCommand<typeof StartWorker> {
  static override summary = 'Start a worker with the workflows of a folder.';
  static override description = prose(`
Reads FLUX_AMQP_URL and the other settings of the environment. Ctrl-C, SIGTERM or SIGHUP hand its executions over
and stop it; a second Ctrl-C ends it at once.`);
  static override examples = ['<%= config.bin %> <%= command.id %> worker-a --workflows examples'];
  static override args = {
    NAME: Args.string({
      description: 'Its name; FLUX_WORKER_NAME or worker-<hostname> by default.',
      ignoreStdin: true,
    }),
  };
  static override flags = {
    workflows: Flags.string({ ...WORKFLOWS_FLAG, required: true }),
    concurrency: Flags.integer({
      description: 'How many executions it runs at a time; FLUX_WORKER_CONCURRENCY by default.',
      min: 1,
      helpValue: 'N',
    }),
  };

  async run(): Promise<void> {
    const { workflows, concurrency } = this.flags;
    const name = this.args.NAME;
    await serve(
      async (signal) => {
        const { bootWorker } = await import('../../parts/worker.js');
        const overrides = {
          FLUX_WORKFLOWS: workflows,
          FLUX_WORKER_NAME: name,
          FLUX_WORKER_CONCURRENCY: concurrency?.toString(),
        };
        return bootWorker(overrides, signal);
      },
      ({ workerId, workflows: registered }) => {
        if (this.flags.json) this.writeJson({ workerId, workflows: registered });
        else this.write(`Worker ${workerId} is ready with ${registered.join(', ')}`);
      },
    );
  }
}
