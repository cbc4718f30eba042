import { Args } from '@oclif/core';
import { EXECUTION_ARGS } from '../../execution-command.js';
import { ServerCommand } from '../../flux-command.js';
import { readInput } from '../../input/read-input.js';
import { styleFor } from '../../output/style.js';
import { prose } from '../../prose.js';

export default class WorkflowResume extends ServerCommand<typeof WorkflowResume> {
  static override summary = 'Resume a paused execution.';
  static override description = prose(`
INPUT becomes the value of the ctx.pause that it waits in, null without one. A resume that comes before its pause is
kept for it. A pause that was asked for and has not taken effect is withdrawn.

Exit codes: 0 accepted, 1 error (also when it is being cancelled), 3 already finished, 4 no such execution.`);
  static override examples = [
    '<%= config.bin %> <%= command.id %> publish 0192f3c4-8a51-7c3e-9d2b-5f1e6a7b8c9d',
    `<%= config.bin %> <%= command.id %> publish 0192f3c4-8a51-7c3e-9d2b-5f1e6a7b8c9d '{"approved": true}'`,
  ];
  static override args = {
    ...EXECUTION_ARGS,
    INPUT: Args.string({ description: 'JSON, @file.json, or - for stdin.', ignoreStdin: true }),
  };

  async run(): Promise<void> {
    const { NAME: name, ID: id } = this.args;
    const input = await readInput(this.args.INPUT);
    const client = await this.client();
    const { execution, kept } = await client.resume(name, id, input === undefined ? {} : { input });
    if (this.flags.json) return this.writeJson(execution);
    const { titleOf } = await import('../../output/execution-view.js');
    this.write(titleOf(styleFor(process.stdout), execution));
    if (kept) this.write('It is not paused: the resume is kept for its next ctx.pause.');
    this.write(`  follow it  ${this.typed(`workflow watch ${name} ${id}`)}`);
    return undefined;
  }
}
