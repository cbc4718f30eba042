import { run, settings } from '@oclif/core';
import { reportError } from './errors.js';
import { EXIT } from './exit-codes.js';

/**
 * Runs the command line `argv`; `from` is the URL of a file in the package. Leaves the exit code in
 * `process.exitCode` and lets the process end by itself, so that nothing written is lost.
 */
export async function main(argv: readonly string[], from: string): Promise<void> {
  endWithTheReader();
  // oclif under NODE_ENV=test would look for a TypeScript loader and the sources.
  settings.enableAutoTranspile = false;
  try {
    await run([...argv], from);
  } catch (error) {
    process.exitCode = reportError(error, wantsJson(argv));
  }
}

function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return (end === -1 ? argv : argv.slice(0, end)).includes('--json');
}

/** `flux … | head`, or a terminal that is closed: nobody reads on, so there is nothing left to do, and that is no error. */
function endWithTheReader(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
      // A server among these processes first closes what it holds.
      if (process.listenerCount('SIGTERM') > 0) process.kill(process.pid, 'SIGTERM');
      else process.exit(process.exitCode ?? EXIT.done);
    });
  }
}
