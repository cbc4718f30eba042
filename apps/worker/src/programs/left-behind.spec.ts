import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { isAlive } from '@flux/testing';
import { DetachedMarks } from './detached.js';
import { Ender } from './ender.js';
import { endLeftBehind } from './left-behind.js';
import { attemptGroup, incarnationOf, incarnationText, MARK_VARIABLE, type Incarnation } from './marks.js';

const name = `spec-${crypto.randomUUID()}`;
const self = incarnationOf(`${name}@00000002`);
/** Its supervisor is a process that was there before this one with the same pid. */
const dead = { ...self, workerId: `${name}@00000001`, startedAt: self.startedAt - 1 };
const alive = { ...self, workerId: `${name}@00000003` };

const children: ChildProcess[] = [];
let folder: string;
let detached: DetachedMarks;
let faults: unknown[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flux-detached-spec-'));
  faults = [];
  detached = new DetachedMarks((fault) => void faults.push(fault), folder);
});

afterEach(() => {
  detached.close();
  rmSync(folder, { recursive: true });
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

const markOf = (incarnation: Incarnation, number = 1): string =>
  `${attemptGroup(incarnationText(incarnation), '0192', 1)}${number}`;

async function program(mark: string): Promise<number> {
  const env = { ...process.env, [MARK_VARIABLE]: mark };
  const child = spawn('setsid', ['sh', '-c', 'echo $$; exec sleep 600'], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  children.push(child);
  const [pid] = (await once(child.stdout, 'data')) as [Buffer];
  return Number(pid);
}

const look = async () => {
  const ender = new Ender({ isSpared: (mark) => detached.has(mark), onFault: () => undefined });
  return endLeftBehind(self, ender, detached);
};

describe('a worker that starts', () => {
  test('ends what its dead incarnations left, and nothing of those that live, or of other names or machines', async () => {
    const left = await program(markOf(dead));
    const others = await Promise.all([
      program(markOf(alive)),
      program(markOf({ ...dead, workerId: `other-${name}@00000001` })),
      program(markOf({ ...dead, namespace: '1' })),
    ]);
    expect(await look()).toEqual([{ name: 'sleep', pid: left, how: 'SIGTERM' }]);
    expect(isAlive(left)).toBe(false);
    expect(others.filter(isAlive)).toEqual(others);
  });

  test('leaves what was detached before, and forgets it once it is gone', async () => {
    new DetachedMarks(() => undefined, folder).add(markOf(dead));
    const kept = await program(markOf(dead));
    const left = await program(markOf(dead, 2));
    await look();
    expect([kept, left].filter(isAlive)).toEqual([kept]);
    expect(readdirSync(folder)).toEqual([markOf(dead)]);
    process.kill(kept, 'SIGKILL');
    await once(children[0]!, 'exit');
    await look();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('believes no folder that others can write', async () => {
    new DetachedMarks(() => undefined, folder).add(markOf(dead));
    chmodSync(folder, 0o777);
    const left = await program(markOf(dead));
    await look();
    expect(isAlive(left)).toBe(false);
    expect(faults).toHaveLength(1);
  });
});
