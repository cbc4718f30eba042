/**
 * One spelling of every word: Flux says cancelled, cancelling, cancellable, cancellation. Prints each other
 * spelling in code and docs, inside identifiers too, and exits with 1 if there is one.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';

const FLAGGED = /[\w$]*cancel(?:ed|ing|able|ation|er)[\w$]*/gi;
/** Names that others gave, each with whose it is. Add a name here only for an API that cannot be called otherwise. */
const FOREIGN = new Map([]);

const BUILT = ['node_modules', 'dist', 'bundle', 'coverage'];
const SKIPPED = new Set([...BUILT, '.git', '.flux', 'pnpm-lock.yaml', 'words.mjs']);
const TEXT = /(\.(ts|js|mjs|json|jsonc|md|ya?ml|sql|sh|html)|file|run|\.example)$/i;

/** The files below `folder` whose words are ours, as paths relative to it. */
export function ownFiles(folder, below = '') {
  return readdirSync(join(folder, below), { withFileTypes: true }).flatMap((entry) => {
    const path = below ? `${below}/${entry.name}` : entry.name;
    if (SKIPPED.has(entry.name)) return [];
    if (entry.isDirectory()) return ownFiles(folder, path);
    return entry.isFile() && TEXT.test(entry.name) ? [path] : [];
  });
}

/** Each wrong spelling below `folder` as `path:line: word`. */
export function wrongWords(folder) {
  return ownFiles(folder).flatMap((path) =>
    readFileSync(join(folder, path), 'utf8')
      .split('\n')
      .flatMap((line, index) =>
        [...line.matchAll(FLAGGED)]
          .filter(([word]) => !FOREIGN.has(word))
          .map(([word]) => `${path}:${index + 1}: ${word}`),
      ),
  );
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const wrong = wrongWords(join(dirname(fileURLToPath(import.meta.url)), '..'));
  for (const line of wrong) console.error(`${line} (Flux spells it with ll: cancelled, cancelling)`);
  process.exitCode = wrong.length > 0 ? 1 : 0;
}
