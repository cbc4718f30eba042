import type { StateUpdate } from '@flux/contracts';
import type { Database, Statement } from '../database/database.js';
import type { ExecutionHub } from './execution-hub.js';

/** $1 ids → StateUpdate */
const READ_STATES: Statement = {
  name: 'read_states',
  text: `
SELECT id AS "executionId", state, last_event_seq AS seq FROM executions WHERE id = ANY($1::uuid[])`,
};

/** Looks at what is watched, for updates that the broker did not bring. */
export async function pollWatched(database: Database, hub: ExecutionHub): Promise<void> {
  const watched = hub.watched();
  if (watched.length > 0) hub.notify(await database.query<StateUpdate>(READ_STATES, [watched]));
}
