import { EXECUTION_ARGS, ExecutionCommand } from '../../execution-command.js';
import { REASON_FLAG, given } from '../../input/options.js';
import { prose } from '../../prose.js';

export default class WorkflowUncancel extends ExecutionCommand<typeof WorkflowUncancel> {
  static override summary = 'Take the cancel of an execution back.';
  static override description = prose(`
Possible while nothing has been signalled: within the --delay of the cancel, and for an execution that sleeps, is paused
or waits for a worker, until one takes its cleanup up. It is then as it was before.

Exit codes: 0 taken back, 1 error (also when no cancel is under way), 3 too late: delivered, or finished, 4 no such
execution.`);
  static override examples = [
    '<%= config.bin %> <%= command.id %> crawl 0192f3c4-8a51-7c3e-9d2b-5f1e6a7b8c9d --reason "it was the right file"',
  ];
  static override args = EXECUTION_ARGS;
  static override flags = REASON_FLAG;

  async run(): Promise<void> {
    const { NAME: name, ID: id } = this.args;
    const execution = await (await this.client()).undoCancel(name, id, given({ reason: this.flags.reason }));
    return this.tellBriefly(execution, 'Its cancel is taken back: no signal of it reaches the body.');
  }
}
