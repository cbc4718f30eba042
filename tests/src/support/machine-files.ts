import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';

/** A path for a file that the test's workflows write; it goes with everything beside it after the test file. */
export function temporaryFile(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'flux-test-'));
  folders.add(folder);
  return join(folder, name);
}

/** The whole lines that are in such a file by now. */
export const linesOf = (file: string): string[] =>
  existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];

const folders = new Set<string>();

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
