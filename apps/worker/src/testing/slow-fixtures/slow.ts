import { setTimeout as wait } from 'node:timers/promises';
import { task, workflow, type ExecutionContext, type TaskContext } from '@flux/sdk';
import { inEachKind } from '../in-each-kind.js';

/** The time that a file with much to import takes. */
await wait(600);

const begin = task('begin', async (ctx: TaskContext) => {
  ctx.log.info('begins');
  await wait(20);
});

export const [slowShared, slowProcess] = inEachKind('slow', (ctx) => ctx.run(begin));

export const busySlow = workflow('busy_slow', async (ctx: ExecutionContext) => {
  try {
    await ctx.run(begin);
  } finally {
    // For a cancel that meets it in its task, too: its runner is killed, and the next one loads.
    for (;;);
  }
});
