import { formatDuration } from '@flux/client';

const TICK_MS = 100;

/**
 * Tells on stderr what a command waits for while `work` goes on: a spinner with the time, and the words that `work` tells,
 * on a terminal; one line elsewhere; nothing with `--json`.
 */
export async function withProgress<T>(
  what: string,
  json: boolean,
  work: (tell: (words: string) => void) => Promise<T>,
): Promise<T> {
  if (json || !process.stderr.isTTY) {
    if (!json) process.stderr.write(`${what} …\n`);
    return work(() => undefined);
  }
  const { default: ora } = await import('ora');
  const begun = performance.now();
  let words = '…';
  const text = (): string => `${what} ${words} ${formatDuration(performance.now() - begun)}`;
  // Left alone, stdin keeps Ctrl-C a signal instead of a key.
  const spinner = ora({ text: text(), stream: process.stderr, discardStdin: false }).start();
  const ticking = setInterval(() => (spinner.text = text()), TICK_MS);
  try {
    return await work((more) => {
      words = more;
      spinner.text = text();
    });
  } finally {
    clearInterval(ticking);
    spinner.stop();
  }
}
