import { Args } from '@oclif/core';

/** The positional argument of a command about one bulk cancel. */
export const CANCELLATION_ARGS = {
  // Or oclif would read a missing argument from a pipe.
  ID: Args.string({ description: "The bulk cancel's id.", required: true, ignoreStdin: true }),
};
