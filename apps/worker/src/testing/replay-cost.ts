/** Prints the milliseconds of CPU that each of `argv[2]` recorded results takes to replay, `argv[3]` at a time. */
import { task, workflow } from '@flux/sdk';
import { done, Trial } from './trial.js';

const double = task('double', async (_ctx, input: number) => input * 2);

async function costOf(events: number, concurrency: number): Promise<number> {
  const inputs = Array.from({ length: events }, (_, index) => index);
  const history = inputs.map((input) => done(`double#${input}`, 2 * input));
  const flow = workflow('w', async (ctx) => {
    await ctx.map(double, inputs, { concurrency });
  });
  const before = process.cpuUsage();
  const { outcome } = await new Trial(flow, { history }).finished;
  if (outcome !== 'completed') throw new Error(`the replay ended ${outcome}`);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / events;
}

const [events = 0, concurrency = 1] = process.argv.slice(2).map(Number);
// Code that has just been compiled is slow.
await costOf(2_000, concurrency);
process.stdout.write(JSON.stringify(await costOf(events, concurrency)));
