import { Args, type Command } from '@oclif/core';
import type { FluxClient } from '@flux/client';
import { Interrupted } from './errors.js';
import { ServerCommand } from './flux-command.js';
import { interruptible, whatGoesOn } from './interruption.js';

/** The positional arguments of a command about one execution. */
export const EXECUTION_ARGS = {
  // Or oclif would read a missing argument from a pipe.
  NAME: Args.string({ description: "The workflow's name.", required: true, ignoreStdin: true }),
  ID: Args.string({ description: "The execution's id.", required: true, ignoreStdin: true }),
};

/** A command that may wait for an execution, until Ctrl-C. */
export abstract class ExecutionCommand<T extends typeof Command> extends ServerCommand<T> {
  /**
   * Runs `work`; on Ctrl-C says what goes on and rejects with `Interrupted`, which exits 130. The execution is
   * left alone.
   */
  protected async waiting<R>(
    client: FluxClient,
    workflowName: string,
    executionId: string,
    work: (signal: AbortSignal) => Promise<R>,
  ): Promise<R> {
    try {
      return await interruptible(work);
    } catch (error) {
      if (error instanceof Interrupted) {
        const goesOn = await whatGoesOn(client, workflowName, executionId);
        const command = this.typed(`workflow status ${workflowName} ${executionId}`);
        process.stderr.write(`\nStopped waiting; ${goesOn}\n  ${command}\n`);
      }
      throw error;
    }
  }
}
