import { createInterface } from 'node:readline';

/** Asks on stderr, and takes no for anything but yes; the end of the input is a no too. */
export async function confirm(question: string): Promise<boolean> {
  // The input is not read as a terminal: Ctrl-C then stays a signal, which ends the process.
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  try {
    const answer = await new Promise<string>((resolve) => {
      lines.once('close', () => resolve(''));
      lines.question(`${question} [y/N] `, resolve);
    });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}
