import { Args, Flags, type Command } from '@oclif/core';
import type { FluxClient } from '@flux/client';
import { ServerCommand } from './flux-command.js';
import { given } from './input/options.js';

export const WORKER_ARGS = {
  NAME: Args.string({
    description: "The workers' name: the part of an id before the @.",
    required: true,
    ignoreStdin: true,
  }),
};

/** A command that asks something of the workers of a name. */
export abstract class WorkerCommand<T extends typeof Command> extends ServerCommand<T> {
  static override args = WORKER_ARGS;
  static override flags = {
    reason: Flags.string({ description: 'Why, for flux worker list and the log.', helpValue: 'TEXT' }),
  };

  /** Asks it, and says what the workers do from now on. */
  protected async ask(verb: 'pauseWorker' | 'resumeWorker' | 'drainWorker'): Promise<void> {
    const { json, reason } = this.flags as { json: boolean; reason?: string };
    const { NAME: name } = this.args as { NAME: string };
    const client: FluxClient = await this.client();
    const named = await client[verb](name, given({ reason }));
    if (json) return this.writeJson(named);
    const { namedLines } = await import('./output/worker-words.js');
    return this.write(...namedLines(named));
  }
}
