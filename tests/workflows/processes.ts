import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { task, workflow, type ExecutionContext, type TaskContext } from '@flux/sdk';

interface FileInput {
  readonly file: string;
}

/** Starts a program that runs for ever, and notes both processes. */
const breed = task('breed', async (_ctx: TaskContext, { file }: FileInput) => {
  const child = spawn(process.execPath, ['-e', "process.on('SIGTERM', () => {}); for (;;);"]);
  await new Promise((resolve) => child.once('spawn', resolve));
  appendFileSync(file, `${process.pid}\n${child.pid ?? ''}\n`);
});

/** Busy in a process of its own, and in another one that it has started. */
export const busyFamily = workflow(
  'busy_family',
  async (ctx: ExecutionContext, input: FileInput) => {
    await ctx.run(breed, input);
    for (;;);
  },
  { runner: 'process' },
);

/** Notes its attempt and aborts its process, after the first task. */
export const aborting = workflow(
  'aborting',
  async (ctx: ExecutionContext, { file }: FileInput) => {
    appendFileSync(file, `${ctx.attempt}\n`);
    await ctx.sleep(1);
    process.abort();
  },
  { runner: 'process' },
);

/** Fills the memory of its runner. */
export const hungry = workflow('hungry', async (ctx: ExecutionContext, { file }: FileInput) => {
  appendFileSync(file, `${ctx.attempt}\n`);
  const held: unknown[] = [];
  for (;;) held.push(new Array(10_000).fill(held.length));
});

/** Crashes as an addon does that reads where nothing is, in a shared runner. */
export const crashing = workflow('crashing', async (ctx: ExecutionContext, { file }: FileInput) => {
  appendFileSync(file, `${ctx.attempt}\n`);
  await ctx.sleep(1);
  process.kill(process.pid, 'SIGSEGV');
  await wait(60_000);
});
