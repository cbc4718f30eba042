import { prose } from '../../prose.js';
import { WorkerCommand } from '../../worker-command.js';

export default class WorkerResume extends WorkerCommand<typeof WorkerResume> {
  static override summary = 'Have the workers of a name take executions again.';
  static override description = prose(`
It ends what flux worker pause and flux worker drain began.

Exit codes: 0 resumed, 1 error, 4 no such worker.`);
  static override examples = ['<%= config.bin %> <%= command.id %> worker-a'];

  async run(): Promise<void> {
    await this.ask('resumeWorker');
  }
}
