import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from '@jest/globals';
import { isAlive } from '@flux/testing';
import { Ender, TERM_MS } from './ender.js';
import { MARK_VARIABLE } from './marks.js';
import { processStart } from './processes.js';

/** One of no other test of this machine. */
const RUN = `spec@${crypto.randomUUID()}~1~2~3`;
const group = (name: string): string => `${RUN}:${name}:1:`;
const since = processStart(process.pid) ?? 0;

const children: ChildProcess[] = [];
const spared = new Set<string>();
const faults: unknown[] = [];
const ender = new Ender({
  isSpared: (mark) => spared.has(mark),
  onFault: (...fault) => void faults.push(fault),
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** A shell with the marks, once it has told the pids that are on one line of its output. */
async function program(marks: string, script: string): Promise<number[]> {
  const child = spawn('sh', ['-c', script], {
    env: { ...process.env, ...(marks && { [MARK_VARIABLE]: marks }) },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  children.push(child);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return line.toString().trim().split(' ').map(Number);
}

const IDLE = 'echo $$; exec sleep 600';
const end = (name: string, isAbrupt = false) =>
  ender.end({ key: name, isOne: (mark) => mark.startsWith(group(name)), since, isAbrupt });

describe('the end of programs', () => {
  test('ends those with a mark, one of several too, and no others', async () => {
    const [plain] = await program(`${group('a')}1`, IDLE);
    const [nested] = await program(`outer@0~1~1~1:x:1:1,${group('a')}2`, IDLE);
    const others = [
      ...(await program(`${group('ab')}1`, IDLE)),
      ...(await program('', IDLE)),
      ...(await program(`not-${group('a')}1`, IDLE)),
    ];
    const ended = await end('a');
    expect([...ended].sort((one, other) => one.pid - other.pid)).toEqual([
      { name: 'sleep', pid: plain, how: 'SIGTERM' },
      { name: 'sleep', pid: nested, how: 'SIGTERM' },
    ]);
    expect([plain!, nested!].filter(isAlive)).toEqual([]);
    expect(others.filter(isAlive)).toEqual(others);
  });

  test('sends one SIGTERM, and SIGKILL 300 ms later to what is left', async () => {
    const [deaf] = await program(
      `${group('b')}1`,
      'trap "echo heard" TERM; echo $$; while :; do sleep 0.02; done',
    );
    const heard: unknown[] = [];
    children.at(-1)?.stdout?.on('data', (words: unknown) => heard.push(String(words)));
    const began = performance.now();
    expect(await end('b')).toContainEqual({ name: expect.any(String), pid: deaf, how: 'SIGKILL' });
    expect(performance.now() - began).toBeGreaterThanOrEqual(TERM_MS);
    expect(isAlive(deaf!)).toBe(false);
    expect(heard).toEqual(['heard\n']);
  });

  test('reaches what has left the group, and what was given another environment by its parent', async () => {
    const script =
      'setsid sleep 600 & a=$!; env -i /bin/sleep 600 & b=$!; (setsid nohup sleep 600 >/dev/null 2>&1 & echo $$ $a $b $!); wait';
    const pids = await program(`${group('c')}1`, script);
    expect(pids).toHaveLength(4);
    await end('c');
    expect(pids.filter(isAlive)).toEqual([]);
  });

  test('spares what is detached, and what inherits from it', async () => {
    spared.add(`${group('d')}2`);
    const [ended] = await program(`${group('d')}1`, IDLE);
    const kept = await program(`${group('d')}2`, 'setsid sleep 600 & echo $$ $!; wait');
    await end('d');
    expect([ended!, ...kept].filter(isAlive)).toEqual(kept);
    spared.clear();
    await end('d');
    expect(kept.filter(isAlive)).toEqual([]);
  });

  test('asked for twice at once is one, and both hear of all', async () => {
    const [pid] = await program(`${group('e')}1`, IDLE);
    const both = await Promise.all([end('e'), end('e', true)]);
    expect(both).toEqual(Array(2).fill([{ name: 'sleep', pid, how: 'SIGTERM' }]));
    expect(await end('e')).toEqual([]);
  });

  test('tells that all have got a signal before they are dead', async () => {
    await program(`${group('f')}1`, 'trap "" TERM; echo $$; while :; do sleep 0.02; done');
    const order: string[] = [];
    const wish = { key: 'f', isOne: (mark: string) => mark.startsWith(group('f')), since, isAbrupt: false };
    await ender.end(wish, () => void order.push('seen')).then(() => void order.push('ended'));
    expect(order).toEqual(['seen', 'ended']);
    expect(faults).toEqual([]);
  });
});
