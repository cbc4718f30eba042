import fs from 'node:fs';
import { codePath, type Kept } from './kept.js';

/** All that a compiler asks about a file that is not on the disk any more. */
const KEPT_FILE = { isFile: (): boolean => true, isDirectory: (): boolean => false };

/**
 * Has whoever reads a text synchronously in this thread get what is kept of it, and has what is not kept yet kept.
 * @param isMeant the paths that this is about
 * @returns ends it
 */
export function keepReads(kept: Kept<string>, isMeant: (path: string) => boolean): () => void {
  const { readFileSync, statSync } = fs;
  const meant = (file: unknown): string | undefined => {
    const path = codePath(file);
    return path !== undefined && isMeant(path) ? path : undefined;
  };
  const ours = {
    readFileSync: (...[file, options]: Parameters<typeof readFileSync>): unknown => {
      const path = options === 'utf8' ? meant(file) : undefined;
      if (path === undefined) return readFileSync(file, options);
      return kept.find(path) ?? kept.keep(path, readFileSync(path, 'utf8'));
    },
    statSync: (...[file, options]: Parameters<typeof statSync>): unknown => {
      const path = meant(file);
      if (path === undefined || kept.find(path) === undefined) return statSync(file, options);
      return statSync(file, { throwIfNoEntry: false }) ?? KEPT_FILE;
    },
  };
  Object.assign(fs, ours);
  return () => {
    // Code that ran meanwhile may have put something in the place of ours.
    if ((fs.readFileSync as unknown) === ours.readFileSync) fs.readFileSync = readFileSync;
    if ((fs.statSync as unknown) === ours.statSync) Object.assign(fs, { statSync });
  };
}
