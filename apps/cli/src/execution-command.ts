import { Args, type Command } from '@oclif/core';
import type { EventResource, ExecutionResource, FluxClient } from '@flux/client';
import { Interrupted } from './errors.js';
import { ServerCommand } from './flux-command.js';
import { interruptible, whatGoesOn } from './interruption.js';
import { styleFor } from './output/style.js';

/** The positional arguments of a command about one execution. */
export const EXECUTION_ARGS = {
  // Or oclif would read a missing argument from a pipe.
  NAME: Args.string({ description: "The workflow's name.", required: true, ignoreStdin: true }),
  ID: Args.string({ description: "The execution's id.", required: true, ignoreStdin: true }),
};

/** A command about one execution, for which it may wait until Ctrl-C. */
export abstract class ExecutionCommand<T extends typeof Command> extends ServerCommand<T> {
  /** Tells the execution in a line, with `more` below it; with `--json` it is written alone. */
  protected async tellBriefly(
    execution: ExecutionResource,
    ...more: readonly (string | false)[]
  ): Promise<void> {
    const { json } = this.flags as { json: boolean };
    if (json) return this.writeJson(execution);
    const { titleOf } = await import('./output/execution-view.js');
    const lines = [titleOf(styleFor(process.stdout), execution), ...more];
    return this.write(...lines.filter((line) => line !== false));
  }

  /** Tells each event in a line behind `indent` as it comes; with `--json` as JSON. */
  protected async tellEvents(events: AsyncIterable<EventResource>, indent = ''): Promise<void> {
    const { json } = this.flags as { json: boolean };
    const { eventLine } = await import('./output/timeline.js');
    const style = styleFor(process.stdout);
    let origin: string | undefined;
    for await (const event of events) {
      origin ??= event.at;
      this.write(json ? JSON.stringify(event) : `${indent}${eventLine(style, origin, event)}`);
    }
  }

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
