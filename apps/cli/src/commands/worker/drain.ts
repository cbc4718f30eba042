import { prose } from '../../prose.js';
import { WorkerCommand } from '../../worker-command.js';

export default class WorkerDrain extends WorkerCommand<typeof WorkerDrain> {
  static override summary = 'Have the workers of a name hand over what they run.';
  static override description = prose(`
They take nothing new. Executions go on for the drain time (FLUX_WORKER_DRAIN of the worker) and then, from their last
checkpoint, on other workers. The processes stay, and take nothing until flux worker resume, started again or not.

Exit codes: 0 asked, 1 error, 4 no such worker.`);
  static override examples = ['<%= config.bin %> <%= command.id %> worker-a --reason "kernel update"'];

  async run(): Promise<void> {
    await this.ask('drainWorker');
  }
}
