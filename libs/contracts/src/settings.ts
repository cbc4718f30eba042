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

/** A whole number of at least 1, as text. */
export const count = (most: number, least = 1): z.ZodType<number> =>
  z.coerce.number().int('must be a whole number').min(least).max(most);

export const inputCheckTimeout = duration
  .refine((milliseconds) => milliseconds > 0, 'must be above 0')
  .prefault('1s')
  .describe(
    "How long the check of an input against its workflow's schema may take: before a start is refused, and before the body, " +
      'where the execution fails.',
  );

export const switchSetting = z
  .enum(['true', 'false', '1', '0'])
  .transform((value) => value === 'true' || value === '1');

export const logLevel = z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']);

/**
 * The settings that api and worker both read. The description of a setting, and the example of one without a default,
 * are what `.env.example` says.
 */
export const sharedSettings = {
  FLUX_AMQP_URL: z.url({ protocol: /^amqps?$/, error: 'must be an amqp:// or amqps:// URL' }).meta({
    description: 'The broker; with compose its own RabbitMQ.',
    examples: ['amqp://flux:flux@127.0.0.1:5672'],
  }),
  FLUX_NAMESPACE: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, 'must be 1 to 63 letters, digits, _ or -')
    .default('flux')
    .describe('Prefix of every exchange and queue, so that deployments can share a broker.'),
  FLUX_GRACE_PERIOD: duration
    .prefault('10s')
    .describe(
      'How long a cancelled workflow may clean up before it is killed, where it does not say so itself.',
    ),
  FLUX_LEASE: duration.prefault('15s').describe('How long a silent worker keeps its executions.'),
  FLUX_HEARTBEAT: duration
    .prefault('5s')
    .describe('How often a worker says that it lives; less than half of the lease.'),
  FLUX_LOG_LEVEL: logLevel.default('info').describe('What is logged, from which level on.'),
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
    hint: 'Correct these environment variables and start again; `.env.example` lists them all.',
    details: { faults },
  });
}

/** An error of a connection that a setting names, with what to set. */
export interface SettingFault {
  readonly message: string;
  readonly hint: string;
}

const OUT_OF_DATE = /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/;
const UNTRUSTED = /SELF_SIGNED_CERT|^UNABLE_TO_(VERIFY|GET)|^CERT_/;

/** What TLS finds wrong with the server that the setting names; `undefined` for any other error. */
export function tlsFault(error: unknown, setting: string): SettingFault | undefined {
  const { code, message } = error as { readonly code?: unknown; readonly message?: string };
  const fault = (what: string, hint: string): SettingFault => ({
    message: `the server that ${setting} names ${what} (${message})`,
    hint,
  });
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return fault(
      'has a certificate for another host',
      `Let ${setting} name a host that the certificate names.`,
    );
  }
  if (code === 'EPROTO')
    return fault('does not speak TLS there', `Correct the scheme and the port in ${setting}.`);
  if (typeof code !== 'string') return undefined;
  if (OUT_OF_DATE.test(code))
    return fault('has a certificate that is out of date', 'Renew it, or mend the clock.');
  return UNTRUSTED.test(code)
    ? fault(
        'has a certificate that is not trusted',
        'Set NODE_EXTRA_CA_CERTS to the file of the CA that signed it.',
      )
    : undefined;
}
