import { EXECUTION_ARGS, ExecutionCommand } from '../../execution-command.js';
import { prose } from '../../prose.js';

export default class WorkflowWatch extends ExecutionCommand<typeof WorkflowWatch> {
  static override summary = "Tell an execution's events as they happen, until its end.";
  static override description = prose(`
From its first event on; a lost connection is made again where it was cut. With --json each line is an event.

Exit codes: 0 it has ended, in whatever state, 1 error, 4 no such execution. Ctrl-C ends the watching alone.`);
  static override examples = [
    '<%= config.bin %> <%= command.id %> crawl 0192f3c4-8a51-7c3e-9d2b-5f1e6a7b8c9d',
  ];
  static override args = EXECUTION_ARGS;

  async run(): Promise<void> {
    const { NAME: name, ID: id } = this.args;
    const client = await this.client();
    await this.waiting(client, name, id, (signal) => this.tellEvents(client.watch(name, id, { signal })));
  }
}
