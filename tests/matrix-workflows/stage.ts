import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { isCancelled, task, type TaskContext } from '@flux/sdk';

/** The input of every call of a staged execution: the file that it leaves marks in, and a name to sign them with. */
export interface Part {
  /** The execution's own path, without an extension. */
  readonly path: string;
  readonly name: string;
}

export type Who = Pick<TaskContext, 'attempt'>;

/** Notes what happens, and when, beside the reach of any replay; one write, so that lines stay whole. */
export function mark(who: Who, path: string, what: string): void {
  appendFileSync(`${path}.marks`, `${Date.now()} ${who.attempt} ${what}\n`);
}

/** Waits until the test opens the gate. */
export async function gate(path: string, name: string, signal?: AbortSignal): Promise<void> {
  while (!existsSync(`${path}.${name}`)) await wait(5, undefined, signal && { signal });
}

/** Done at once; undone when its execution is. */
export const step = task(
  'step',
  (ctx: TaskContext, { path, name }: Part) => {
    mark(ctx, path, name);
    return Promise.resolve(name);
  },
  { rollback: (ctx, { path, name }) => mark(ctx, path, `${name} undone`) },
);

/** Waits at the gate `go`, or until it is cancelled. */
export const held = task('held', async (ctx: TaskContext, part: Part): Promise<Part> => {
  const { path, name } = part;
  mark(ctx, path, `${name} begins`);
  try {
    await gate(path, 'go', ctx.signal);
  } catch (error) {
    mark(ctx, path, `${name} aborted`);
    throw isCancelled(ctx.signal.reason) ? (ctx.signal.reason as Error) : error;
  }
  mark(ctx, path, `${name} ends`);
  return part;
});

/** Waits at the gate `go` whatever its signal says. */
export const deaf = task('deaf', async (ctx: TaskContext, { path, name }: Part) => {
  mark(ctx, path, `${name} begins`);
  await gate(path, 'go');
  mark(ctx, path, `${name} ends`);
});

/** Does something as long as it lives, in a session of its own if `isApart`. */
function program(path: string, { attempt }: Who, isApart: boolean): ChildProcess {
  const script = 'while :; do echo "$(date +%s%3N) $1 program beats" >>"$0"; sleep 0.02; done';
  const shell = ['sh', '-c', script, `${path}.marks`, String(attempt)];
  return isApart ? spawn('setsid', shell) : spawn('sh', shell.slice(1));
}

/** Waits for a program, which has no end of its own. */
export const awaitsProgram = task(
  'awaits_program',
  async (ctx: TaskContext, { path, name, isApart }: Part & { readonly isApart: boolean }) => {
    mark(ctx, path, `${name} begins`);
    await once(program(path, ctx, isApart), 'close');
    mark(ctx, path, `${name} ends`);
  },
);

/** Starts a program, and leaves it alone when it is cancelled. */
export const leavesProgram = task(
  'leaves_program',
  async (ctx: TaskContext, { isApart, ...part }: Part & { readonly isApart: boolean }) => {
    program(part.path, ctx, isApart);
    await held.body(ctx, part);
  },
);

/** Always fails; the next try is half a minute away. */
export const flaky = task(
  'flaky',
  (ctx: TaskContext, { path, name }: Part) => {
    mark(ctx, path, name);
    return Promise.reject<void>(new Error('not this time'));
  },
  {
    retry: { maxAttempts: 5, delay: '30s' },
    fallback: (ctx, { path, name }) => mark(ctx, path, `${name} falls back`),
  },
);

/** Fails, and waits in its fallback as {@link held} does. */
export const fallsBack = task(
  'falls_back',
  (_ctx: TaskContext, _part: Part) => Promise.reject<Part>(new Error('never')),
  { fallback: (ctx, part) => held.body(ctx, part) },
);

/** Completes, and waits at the gate `go` when it is undone. */
export const slowlyUndone = task('slowly_undone', (_ctx: TaskContext, _part: Part) => Promise.resolve(true), {
  rollback: (ctx, part) => deaf.body(ctx, part),
});

/** The cleanup; waits at a gate where it is given one. */
export const tidyUp = task(
  'tidy_up',
  async (ctx: TaskContext, { path, name, waits }: Part & { readonly waits: boolean }) => {
    mark(ctx, path, `${name} begins`);
    if (waits) await gate(path, 'tidy');
    mark(ctx, path, `${name} ends`);
  },
);
