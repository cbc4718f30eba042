import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { task, workflow, type ExecutionContext, type TaskContext } from '@flux/sdk';

interface Wish {
  readonly file: string;
  /** The program lives on when the execution ends. */
  readonly detached?: boolean;
}

/** Starts a program in a session of its own that notes its pid. The argument is one that nobody else may read. */
const start = task('start', async (ctx: TaskContext, { file, detached }: Wish) => {
  const child = spawn('sh', ['-c', 'echo $$ >>"$0"; exec sleep 3600', file, '--token=hush'], {
    detached: true,
    stdio: 'ignore',
  });
  while (!existsSync(file)) await wait(5);
  if (detached) ctx.detach(child);
});

export const programs = workflow('programs', async (ctx: ExecutionContext, wish: Wish) => {
  await ctx.run(start, wish);
  for (;;) await ctx.sleep('4s');
});
