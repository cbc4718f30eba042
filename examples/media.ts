import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { task, workflow, type ExecutionContext, type TaskContext } from '@flux/sdk';
import { z } from 'zod';

const FRAME_BYTES = 8 * 1024 ** 2;
/** Stands in for ffmpeg: a program that has another one do the work, in a session of its own, and waits for that. */
const ENCODER = 'setsid sleep "$0" & wait';

export const probe = task('probe', (_ctx: TaskContext, seconds: number) => ({ frames: seconds * 25 }));

/** Packs one frame after the other in native code of zlib. None of it looks at the signal. */
export const pack = task('pack', async (_ctx: TaskContext, frames: number) => {
  let bytes = 0;
  for (let frame = 0; frame < frames; frame += 1) {
    const packed = await promisify(gzip)(Buffer.alloc(FRAME_BYTES, String(frame)), { level: 9 });
    bytes += packed.length;
  }
  return bytes;
});

/** Waits for the encoder, whatever its signal says. */
export const encode = task('encode', async (_ctx: TaskContext, seconds: number) => {
  const [code] = (await once(spawn('sh', ['-c', ENCODER, String(seconds)]), 'close')) as [number | null];
  return { code };
});

/**
 * Encodes a film: native code and programs, neither of which hears a cancel. Both are gone when it is CANCELLED all the
 * same, and its receipt names what was cut off and what was ended.
 */
export const media = workflow(
  'media',
  async (ctx: ExecutionContext, { seconds }) => {
    const { frames } = await ctx.run(probe, seconds);
    const [bytes, { code }] = await Promise.all([ctx.run(pack, frames), ctx.run(encode, seconds)]);
    return { bytes, code };
  },
  { gracePeriod: '1s', input: z.object({ seconds: z.int().min(1).max(36_000).default(600) }) },
);
