import type { Hook } from '@oclif/core';
import { UsageError } from '../errors.js';

/** oclif would exit with 127 and name its internal id. */
const hook: Hook<'command_not_found'> = async ({ id, config }) => {
  const typed = id.replaceAll(':', ' ');
  const [topic = ''] = id.split(':');
  const siblings = config.commandIDs
    .filter((known) => known.startsWith(`${topic}:`))
    .map((known) => `flux ${known.replaceAll(':', ' ')}`);
  throw new UsageError(
    `there is no command 'flux ${typed}'`,
    siblings.length > 0 ? `There are: ${siblings.join(', ')}.` : "'flux --help' lists the commands.",
  );
};

export default hook;
