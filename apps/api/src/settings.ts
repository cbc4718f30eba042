import { isIPv4 } from 'node:net';
import { z } from 'zod';
import { byteSize, count, inputCheckTimeout, sharedSettings, switchSetting } from '@flux/contracts';

const port = z
  .string()
  .regex(/^\d{1,5}$/, 'must be a port, 0 to 65535')
  .transform(Number)
  .refine((value) => value <= 65_535, 'must be a port, 0 to 65535');

const ownSettings = {
  FLUX_HOST: z
    .string()
    .default('127.0.0.1')
    .describe('Address to listen on; compose sets it inside the container.'),
  FLUX_PORT: port
    .prefault('8000')
    .describe(
      "Port to listen on, 0 for any free one; with compose the port on this machine's loopback address.",
    ),
  FLUX_MAX_INPUT: byteSize
    .refine((bytes) => bytes >= 1024 && bytes <= 1024 ** 3, 'must be between 1 KiB and 1 GiB')
    .prefault('1 MiB')
    .describe('The largest body of a request; to a worker, the largest input, output or progress.'),
  FLUX_INPUT_CHECK_TIMEOUT: inputCheckTimeout,
  FLUX_MAX_DEPTH: count(10_000)
    .default(100)
    .describe('How many executions may be above one in a tree: a call below that fails.'),
  FLUX_API_RESPONSE_MEMORY: byteSize
    .refine((bytes) => bytes >= 1024 ** 2, 'must be at least 1 MiB')
    .prefault('64 MiB')
    .describe(
      'The memory that large answers take together; past it they wait, then get 503 with Retry-After.',
    ),
  FLUX_ALLOW_ANONYMOUS: switchSetting
    .prefault('false')
    .describe(
      'Serve callers without keys on an address that other machines reach; compose sets it, and publishes to ' +
        'loopback only.',
    ),
};

/** The checks run even where other settings are faulty, so that every fault is named at once. */
const always = (): boolean => true;

/** The settings that are checked together, each as it is parsed or not. */
type Checked = Readonly<Record<string, unknown>>;

const loopbackUnlessAllowed = z.refine<Checked>(
  (settings) => settings['FLUX_ALLOW_ANONYMOUS'] === true || isLoopback(String(settings['FLUX_HOST'])),
  {
    path: ['FLUX_HOST'],
    when: always,
    message:
      'is reachable from other machines, and as there are no API keys yet, anyone who reaches it could start and ' +
      'cancel work; use 127.0.0.1, or set FLUX_ALLOW_ANONYMOUS=true where the network keeps strangers out',
  },
);

const heartbeatWithinLease = z.refine<Checked>(
  ({ FLUX_HEARTBEAT: beat, FLUX_LEASE: lease }) =>
    typeof beat !== 'number' || typeof lease !== 'number' || (beat > 0 && beat < lease / 2),
  {
    path: ['FLUX_HEARTBEAT'],
    when: always,
    message: 'must be above 0 and less than half of FLUX_LEASE, so that one lost heartbeat costs no lease',
  },
);

/** The settings of the api in the embedded mode, which brings its own database and bus. */
export const embeddedApiSettings = z
  .object({
    FLUX_NAMESPACE: sharedSettings.FLUX_NAMESPACE,
    FLUX_GRACE_PERIOD: sharedSettings.FLUX_GRACE_PERIOD,
    FLUX_LEASE: sharedSettings.FLUX_LEASE,
    FLUX_HEARTBEAT: sharedSettings.FLUX_HEARTBEAT,
    FLUX_LOG_LEVEL: sharedSettings.FLUX_LOG_LEVEL,
    ...ownSettings,
  })
  .check(loopbackUnlessAllowed, heartbeatWithinLease);
export type EmbeddedApiSettings = z.infer<typeof embeddedApiSettings>;

/** Every setting of the api, by the name of its environment variable; durations in milliseconds, sizes in bytes. */
export const apiSettings = z
  .object({
    ...sharedSettings,
    ...ownSettings,
    FLUX_DATABASE_URL: z
      .url({ protocol: /^postgres(ql)?$/, error: 'must be a postgres:// or postgresql:// URL' })
      .meta({
        description:
          'The database, or a PgBouncer in session or transaction mode before it; with compose its own PostgreSQL.',
        examples: ['postgres://flux:flux@127.0.0.1:5432/flux'],
      }),
  })
  .check(loopbackUnlessAllowed, heartbeatWithinLease);
export type ApiSettings = z.infer<typeof apiSettings>;

/** True for an address that only this machine reaches: `localhost`, 127.0.0.0/8 and `::1`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}
