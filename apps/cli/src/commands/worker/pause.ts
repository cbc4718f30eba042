import { prose } from '../../prose.js';
import { WorkerCommand } from '../../worker-command.js';

export default class WorkerPause extends WorkerCommand<typeof WorkerPause> {
  static override summary = 'Have the workers of a name take nothing new.';
  static override description = prose(`
What they run goes on, and cancels are obeyed. It lasts until flux worker resume: a worker that is started again under
that name starts paused. Again, it changes nothing.

Exit codes: 0 paused, 1 error, 4 no such worker.`);
  static override examples = ['<%= config.bin %> <%= command.id %> worker-a --reason "disk is full"'];

  async run(): Promise<void> {
    await this.ask('pauseWorker');
  }
}
