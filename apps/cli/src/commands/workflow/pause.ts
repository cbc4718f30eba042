import { EXECUTION_ARGS, ExecutionCommand } from '../../execution-command.js';
import { REASON_FLAG, given } from '../../input/options.js';
import { prose } from '../../prose.js';

export default class WorkflowPause extends ExecutionCommand<typeof WorkflowPause> {
  static override summary = 'Pause an execution.';
  static override description = prose(`
One that runs is parked at its next call, once no task of it is under way; until then it stays RUNNING. It takes no
place while it is paused. flux workflow resume lets it go on.

Exit codes: 0 accepted, 1 error (also when it is being cancelled), 3 already finished, 4 no such execution.`);
  static override examples = [
    '<%= config.bin %> <%= command.id %> crawl 0192f3c4-8a51-7c3e-9d2b-5f1e6a7b8c9d --reason "disk is full"',
  ];
  static override args = EXECUTION_ARGS;
  static override flags = REASON_FLAG;

  async run(): Promise<void> {
    const { NAME: name, ID: id } = this.args;
    const execution = await (await this.client()).pause(name, id, given({ reason: this.flags.reason }));
    return this.tellBriefly(
      execution,
      execution.state !== 'PAUSED' && 'It pauses at its next call, once no task is under way.',
      `  resume it  flux workflow resume ${name} ${id}`,
    );
  }
}
