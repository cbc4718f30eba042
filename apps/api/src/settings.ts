import { isIPv4 } from 'node:net';
import { z } from 'zod';
import { byteSize, sharedSettings, switchSetting } from '@flux/contracts';

const port = z
  .string()
  .regex(/^\d{1,5}$/, 'must be a port, 0 to 65535')
  .transform(Number)
  .refine((value) => value <= 65_535, 'must be a port, 0 to 65535');

const ownSettings = {
  FLUX_HOST: z.string().default('127.0.0.1'),
  /** 0 takes any free port. */
  FLUX_PORT: port.prefault('8000'),
  /** Bytes of a request's body. */
  FLUX_MAX_INPUT: byteSize
    .refine((bytes) => bytes >= 1024 && bytes <= 1024 ** 3, 'must be between 1 KiB and 1 GiB')
    .prefault('1 MiB'),
  /** Serve callers without keys on an address that other machines reach. */
  FLUX_ALLOW_ANONYMOUS: switchSetting.prefault('false'),
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
    FLUX_DATABASE_URL: z.url({
      protocol: /^postgres(ql)?$/,
      error: 'must be a postgres:// or postgresql:// URL',
    }),
  })
  .check(loopbackUnlessAllowed, heartbeatWithinLease);
export type ApiSettings = z.infer<typeof apiSettings>;

/** True for an address that only this machine reaches: `localhost`, 127.0.0.0/8 and `::1`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}
