import { formatDuration } from '@flux/client';

export interface Progress {
  /** What there is to say beside the time. */
  tell(words: string): void;
  /** Takes the spinner away. */
  done(): void;
}

const TICK_MS = 100;

/**
 * Tells on stderr what a command waits for: a spinner with the time on a terminal, one line elsewhere, nothing
 * with `--json`.
 */
export async function showProgress(what: string, json: boolean): Promise<Progress> {
  const nothing = { tell: () => undefined, done: () => undefined };
  if (json) return nothing;
  if (!process.stderr.isTTY) {
    process.stderr.write(`${what} …\n`);
    return nothing;
  }
  const { default: ora } = await import('ora');
  const begun = performance.now();
  let words = '…';
  const text = (): string => `${what} ${words} ${formatDuration(performance.now() - begun)}`;
  // Left alone, stdin keeps Ctrl-C a signal instead of a key.
  const spinner = ora({ text: text(), stream: process.stderr, discardStdin: false }).start();
  const ticking = setInterval(() => (spinner.text = text()), TICK_MS);
  return {
    tell(more) {
      words = more;
      spinner.text = text();
    },
    done() {
      clearInterval(ticking);
      spinner.stop();
    },
  };
}
