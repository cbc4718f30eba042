import { EXIT } from './exit-codes.js';

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** The server that a start command has started. */
export interface Running {
  /** Hands over or ends what is in hand, then closes every connection. */
  close(): Promise<void>;
}

/**
 * Boots a server, tells that it is ready and runs it until a signal closes it gracefully: SIGTERM, SIGINT, or SIGHUP,
 * which the end of a terminal sends. When one comes during the boot, its `signal` aborts, so that a boot that waits for
 * a broker or an api can give up. A second SIGINT ends the process at once.
 */
export async function serve<R extends Running>(
  boot: (signal: AbortSignal) => Promise<R>,
  ready: (running: R) => void,
): Promise<never> {
  const stopping = new AbortController();
  const { signal: asked } = stopping;
  const stopped = new Promise<void>((resolve) => asked.addEventListener('abort', () => resolve()));
  const onSignal = (signal: NodeJS.Signals): void => {
    if (asked.aborted && signal === 'SIGINT') process.exit(EXIT.interrupted);
    if (!asked.aborted) process.stderr.write('Stopping; Ctrl-C again ends it at once.\n');
    stopping.abort();
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  try {
    const running = await boot(asked);
    if (!asked.aborted) ready(running);
    if (!asked.aborted) await stopped;
    await running.close();
  } catch (error) {
    // A boot that gave up because it was told to has done as asked.
    if (error !== asked.reason) throw error;
  } finally {
    for (const signal of SIGNALS) process.removeListener(signal, onSignal);
  }
  // A handle that a library forgot to close must not keep a closed server's process.
  process.exit(EXIT.done);
}
