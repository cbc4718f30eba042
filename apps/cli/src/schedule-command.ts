import { Args, type Command } from '@oclif/core';
import type { ScheduleResource } from '@flux/client';
import { ServerCommand } from './flux-command.js';
import { styleFor } from './output/style.js';

/** The positional argument of a command about one schedule. */
export const SCHEDULE_ARGS = {
  NAME: Args.string({ description: "The schedule's id.", required: true, ignoreStdin: true }),
};

/** A command about schedules. */
export abstract class ScheduleCommand<T extends typeof Command> extends ServerCommand<T> {
  /** Prints it as `flux schedule show` does. */
  protected async tell(schedule: ScheduleResource): Promise<void> {
    const { json } = this.flags as { json: boolean };
    if (json) return this.writeJson(schedule);
    const { scheduleLines } = await import('./output/schedule-view.js');
    for (const line of scheduleLines(styleFor(process.stdout), schedule)) this.write(line);
    return undefined;
  }
}
