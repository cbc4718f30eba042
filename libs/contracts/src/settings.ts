import { z } from 'zod';
import { FluxError } from '@flux/domain';
import { duration } from './values.js';

const SIZE = /^(\d+)\s*(B|KiB|MiB|GiB)?$/;
const SIZE_UNITS: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** A size as text (`1 MiB`, `65536`), parsed to bytes. */
export const byteSize = z.string().transform((text, context): number => {
  const match = SIZE.exec(text.trim());
  if (!match) {
    context.addIssue({
      code: 'custom',
      message: "must be a size such as '1 MiB', '64 KiB' or a number of bytes",
    });
    return z.NEVER;
  }
  return Number(match[1]) * (SIZE_UNITS[match[2] ?? 'B'] ?? 1);
});

export const switchSetting = z
  .enum(['true', 'false', '1', '0'])
  .transform((value) => value === 'true' || value === '1');

export const logLevel = z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']);

/** What api and worker both read. */
export const sharedSettings = {
  FLUX_AMQP_URL: z.url({ protocol: /^amqps?$/, error: 'must be an amqp:// or amqps:// URL' }),
  FLUX_NAMESPACE: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, 'must be 1 to 63 letters, digits, _ or -')
    .default('flux'),
  FLUX_GRACE_PERIOD: duration.prefault('10s'),
  FLUX_LEASE: duration.prefault('15s'),
  FLUX_HEARTBEAT: duration.prefault('5s'),
  FLUX_LOG_LEVEL: logLevel.default('info'),
};

/**
 * Reads settings from an environment; an empty variable counts as unset.
 * @throws FluxError `INVALID_SETTINGS` that names every fault at once, without values
 */
export function readSettings<S extends z.ZodType>(
  schema: S,
  environment: Readonly<Record<string, string | undefined>>,
): z.infer<S> {
  const present = Object.fromEntries(
    Object.entries(environment).filter(
      ([name, value]) => name.startsWith('FLUX_') && value !== undefined && value !== '',
    ),
  );
  const parsed = schema.safeParse(present);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) =>
    present[String(issue.path[0])] === undefined && issue.code !== 'custom'
      ? `${issue.path.join('.')} is not set`
      : `${issue.path.join('.')}: ${issue.message}`,
  );
  throw new FluxError('INVALID_SETTINGS', `the settings are not valid:\n  ${faults.join('\n  ')}`, {
    hint: 'Correct these environment variables and start again; README lists them all.',
    details: { faults },
  });
}
