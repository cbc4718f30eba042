/** The commands for the routes that hints name. */
const COMMANDS: ReadonlyArray<readonly [route: string, command: string]> = [
  ['GET /workflows/{workflowName}', "'flux workflow show NAME'"],
  ['GET /workflows', "'flux workflow list'"],
  ['GET /executions', "'flux execution list'"],
  ['GET /cancellations', "'flux cancellation list'"],
  ['GET /workers', "'flux worker list'"],
  ['GET /schedules', "'flux schedule list'"],
];

/** A hint of the api for people at a terminal: the command in place of the route. */
export function inWordsOfTheCli(hint: string): string {
  return COMMANDS.reduce((words, [route, command]) => words.replace(route, command), hint);
}
