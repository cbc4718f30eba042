import { formatDuration } from '@flux/client';

export interface Progress {
  /** Takes the spinner away. */
  done(): void;
}

const TICK_MS = 100;

/**
 * Tells on stderr what a command waits for: a spinner with the time on a terminal, one line elsewhere, nothing
 * with `--json`.
 */
export async function showProgress(what: string, json: boolean): Promise<Progress> {
  const nothing = { done: () => undefined };
  if (json) return nothing;
  if (!process.stderr.isTTY) {
    process.stderr.write(`${what} …\n`);
    return nothing;
  }
  const { default: ora } = await import('ora');
  const begun = performance.now();
  const text = (): string => `${what} … ${formatDuration(performance.now() - begun)}`;
  // Left alone, stdin keeps Ctrl-C a signal instead of a key.
  const spinner = ora({ text: text(), stream: process.stderr, discardStdin: false }).start();
  const ticking = setInterval(() => (spinner.text = text()), TICK_MS);
  return {
    done() {
      clearInterval(ticking);
      spinner.stop();
    },
  };
}
