import { isDeepStrictEqual } from 'node:util';
import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { ExecutionResource } from '@flux/contracts';
import type { Answer } from '../support/rest.js';
import { inLanes, type Lab, type Told } from './lab.js';

/** A cancel as its caller saw it. */
export interface Cancelled {
  readonly executionId: string;
  readonly workflowName: string;
  readonly answers: readonly Answer[];
}

const PATIENCE_MS = 60_000;
const chance = (share: number): boolean => Math.random() < share;

/** Asks any replica, another one where that is away, until one answers. */
export async function ask(lab: Lab, method: string, path: string, body: unknown): Promise<Answer> {
  for (const limit = Date.now() + PATIENCE_MS; ; await wait(50)) {
    const server = lab.servers[Math.floor(Math.random() * lab.servers.length)]!;
    try {
      const answer = await server.rest.request(method, path, { body });
      if (answer.status < 500) return answer;
      if (Date.now() > limit) throw new Error(`answered ${answer.status} for a minute`);
    } catch (error) {
      if (Date.now() > limit) throw error;
    }
  }
}

/** Starts an execution of any kind and cancels it at a random moment of its life, and perhaps once more. */
async function one(lab: Lab): Promise<Cancelled> {
  const executionId = randomUUID();
  const parked = chance(0.15);
  const workflowName = parked ? 'waiting' : 'stepping';
  const path = `/workflows/${workflowName}/executions`;
  const input = parked
    ? { where: chance(0.5) ? 'asleep' : 'paused' }
    : { steps: chance(0.5) ? 4 : 40, pauseMs: 5 + Math.random() * 60, deafEvery: 3 };
  await ask(lab, 'POST', path, { executionId, input });
  // A random moment is the point, not a wait for something.
  await wait(Math.random() ** 2 * 1_500);
  const cancel = `${path}/${executionId}/cancel`;
  const query = chance(0.2) ? '?mode=sync&timeout=2s' : '';
  const answers = [await ask(lab, 'POST', `${cancel}${query}`, { reason: 'at random' })];
  if (chance(0.2)) answers.push(await ask(lab, 'POST', cancel, { force: chance(0.3) }));
  return { executionId, workflowName, answers };
}

export function cancelAtRandom(
  lab: Lab,
  size: number,
  lanes: number,
  log: (line: string) => void,
): Promise<Cancelled[]> {
  let done = 0;
  return inLanes(Array.from({ length: size }), lanes, async () => {
    const cancelled = await one(lab);
    done += 1;
    if (done % 1_000 === 0) log(`${done} cancels`);
    return cancelled;
  });
}

/** Answers that the final state does not bear out. */
export function differing(cancels: readonly Cancelled[], told: readonly Told[]): string[] {
  const final = new Map(told.map(({ execution }) => [execution.executionId, execution]));
  return cancels.flatMap(({ executionId, answers }) => {
    const execution = final.get(executionId);
    return answers
      .filter((answer) => !execution || !bearsOut(execution, answer))
      .map(({ status }) => `${executionId}: answered ${status}, and is ${execution?.state}`);
  });
}

function bearsOut(execution: ExecutionResource, { status, body }: Answer): boolean {
  const told = body as ExecutionResource;
  if (status === 200) return isDeepStrictEqual(told, execution);
  if (status === 409) return told.state === execution.state && execution.state !== 'CANCELLED';
  return status === 202 && told.cancellation?.requestedAt === execution.cancellation?.requestedAt;
}
