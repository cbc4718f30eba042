import { EXIT } from './exit-codes.js';

/** What a start command has started. */
export interface Running {
  /** Hands over or ends what is in hand, then closes every connection. */
  close(): Promise<void>;
}

/**
 * Boots a server, tells that it is ready and runs it until SIGTERM or SIGINT, which close it gracefully, also when
 * they come during the boot. A second SIGINT ends the process at once.
 */
export async function serve<R extends Running>(
  boot: () => Promise<R>,
  ready: (running: R) => void,
): Promise<never> {
  let stop = (): void => undefined;
  const stopped = new Promise<void>((resolve) => (stop = resolve));
  let asked = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (asked && signal === 'SIGINT') process.exit(EXIT.interrupted);
    if (!asked) process.stderr.write('Stopping; Ctrl-C again ends it at once.\n');
    asked = true;
    stop();
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  try {
    const running = await boot();
    if (!asked) ready(running);
    await stopped;
    await running.close();
  } finally {
    process.removeListener('SIGTERM', onSignal).removeListener('SIGINT', onSignal);
  }
  // What a library forgot to close must not keep a closed server's process.
  process.exit(EXIT.done);
}
