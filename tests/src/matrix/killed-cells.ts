import { expect } from '@jest/globals';
import { BEGUN, KILLED, LIVE_BOUND_MS, TIDIED, marked, type Cell } from './cell.js';
import type { Play } from './play.js';

/** What does not end by its deadline: its runner is killed. One after the other, since neighbours would notice. */

const killed = { ...KILLED, worker: 'killed', answer: 202, boundMs: LIVE_BOUND_MS } as const;
const SHORT = { gracePeriod: '500ms' };

async function inCleanup(play: Play): Promise<void> {
  await play.marked('task begins');
  expect((await play.cancel()).status).toBe(202);
  await play.marked('cleanup begins');
}

export const KILLED_CELLS: readonly Cell[] = [
  {
    ...{ ...killed, name: 'in a busy loop', moment: 'in a busy loop', reach: marked('busy'), request: SHORT },
    ran: [[...BEGUN, 'busy']],
  },
  {
    ...{
      ...killed,
      name: 'in a task that never ends',
      moment: 'in a task that does not listen',
      request: SHORT,
    },
    reach: marked('task begins'),
    ran: [[...BEGUN, 'task begins', ...TIDIED]],
  },
  {
    ...{ ...killed, name: 'before a cleanup that never ends', moment: 'in a task', cleanupWaits: true },
    ...{ reach: marked('task begins'), request: SHORT },
    ran: [[...BEGUN, 'task begins', 'task aborted', 'cleanup begins']],
  },
  {
    ...{ ...killed, name: 'in a task that never ends, with force', moment: 'in a task that does not listen' },
    ...{ reach: marked('task begins'), request: { force: true } },
    ran: [[...BEGUN, 'task begins']],
    perhaps: TIDIED,
  },
  {
    ...{ ...killed, name: 'in its cleanup, with force', moment: 'in a task', cleanupWaits: true },
    ...{ reach: inCleanup, request: { force: true } },
    ran: [[...BEGUN, 'task begins', 'task aborted', 'cleanup begins']],
  },
];
