import { Args, Flags } from '@oclif/core';
import type { ExecutionResource } from '@flux/client';
import { EXECUTION_ARGS, ExecutionCommand } from '../../execution-command.js';
import { given } from '../../input/options.js';
import { readInput } from '../../input/read-input.js';
import { prose } from '../../prose.js';

/** A name that was mistyped is seen beside the one that it waits in. */
const whereIt = ({ waiting }: ExecutionResource): string =>
  waiting?.pause ? `It waits in '${waiting.pause}', not there` : 'It does not wait there yet';

export default class WorkflowResume extends ExecutionCommand<typeof WorkflowResume> {
  static override summary = 'Resume a paused execution.';
  static override description = prose(`
INPUT becomes the value of the ctx.pause that it waits in, null without one. --pause names the one that is meant, as
the status shows it: a repeat is refused once that one is over, and a resume that comes before it is kept for it. Give each
pause of a body a name of its own: a repeat resumes the next one of the same name. A pause that was asked for and has not taken
effect is withdrawn.

Exit codes: 0 accepted, 1 error (also when it is being cancelled), 3 already finished, 4 no such execution.`);
  static override examples = [
    '<%= config.bin %> <%= command.id %> publish 0192f3c4-8a51-7c3e-9d2b-5f1e6a7b8c9d',
    `<%= config.bin %> <%= command.id %> publish 0192f3c4-8a51-7c3e-9d2b-5f1e6a7b8c9d '{"approved": true}' --pause approval`,
  ];
  static override args = {
    ...EXECUTION_ARGS,
    INPUT: Args.string({ description: 'JSON, @file.json, or - for stdin.', ignoreStdin: true }),
  };

  static override flags = {
    pause: Flags.string({ description: 'The ctx.pause that is meant; unless given, the one it waits in.' }),
  };

  async run(): Promise<void> {
    const { NAME: name, ID: id } = this.args;
    const { pause } = this.flags;
    const input = await readInput(this.args.INPUT);
    const { execution, kept } = await (await this.client()).resume(name, id, given({ input, pause }));
    return this.tellBriefly(
      execution,
      kept &&
        (pause === undefined
          ? 'It is not paused: the resume is kept for its next ctx.pause.'
          : `${whereIt(execution)}: the resume is kept for '${pause}'.`),
      `  follow it  ${this.typed(`workflow watch ${name} ${id}`)}`,
    );
  }
}
