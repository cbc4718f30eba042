import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { task, workflow, type ExecutionContext, type TaskContext } from '@flux/sdk';
import { stamp } from './stamps.js';

interface Wish {
  /** The program is in a session of its own. */
  readonly isApart: boolean;
  /** The task waits for its program, whatever its signal says. */
  readonly isDeaf?: boolean;
}

/** Starts a program that does not end by itself, and stamps its pid. */
const start = task('start', async (ctx: TaskContext, { isApart, isDeaf }: Wish) => {
  const [command, ...rest] = [...(isApart ? ['setsid'] : []), 'sleep', '3600'];
  const child = spawn(command, rest, { stdio: 'ignore' });
  await stamp(ctx, String(child.pid));
  if (isDeaf) await once(child, 'close');
  else await wait(3_600_000, undefined, { signal: ctx.signal });
});

export const program = workflow('program', (ctx: ExecutionContext, wish: Wish) => ctx.run(start, wish));
