import { Args, type Command } from '@oclif/core';
import type { ScheduleResource } from '@flux/client';
import { ServerCommand } from './flux-command.js';
import { styleFor } from './output/style.js';

/** A command about one schedule. */
export abstract class ScheduleCommand<T extends typeof Command> extends ServerCommand<T> {
  static override args = {
    NAME: Args.string({ description: "The schedule's id.", required: true, ignoreStdin: true }),
  };

  /** Prints it as `flux schedule show` does. */
  protected async tell(schedule: ScheduleResource): Promise<void> {
    const { json } = this.flags as { json: boolean };
    if (json) return this.writeJson(schedule);
    const { scheduleLines } = await import('./output/schedule-view.js');
    return this.write(...scheduleLines(styleFor(process.stdout), schedule));
  }
}
