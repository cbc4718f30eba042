import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Code } from '../../wire/protocol.js';

const SOURCE = /\.[cm]?[jt]s$/;
const NO_WORKFLOWS = /\.d\.[cm]?ts$|\.(spec|test)\.[cm]?[jt]s$/;
/** `dist` holds the compiled twins of the sources beside it. */
const SKIPPED_FOLDERS = new Set(['node_modules', 'dist']);

/**
 * The absolute paths of all sources below `directory`, sorted; without `node_modules`, `dist`, folders that
 * begin with a dot, declarations and tests. A link to a folder is followed, and a folder is looked into once.
 * @throws the file system's error when `directory` cannot be read
 */
export function findWorkflowFiles(directory: string, seen = new Set<string>()): string[] {
  seen.add(realpathSync(directory));
  const files: string[] = [];
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    const kind = entry.isSymbolicLink() ? statSync(path, { throwIfNoEntry: false }) : entry;
    if (kind?.isDirectory()) {
      const skipped = entry.name.startsWith('.') || SKIPPED_FOLDERS.has(entry.name);
      if (!skipped && !seen.has(realpathSync(path))) files.push(...findWorkflowFiles(path, seen));
    } else if (kind?.isFile() && SOURCE.test(entry.name) && !NO_WORKFLOWS.test(entry.name)) {
      files.push(path);
    }
  }
  return files.sort();
}

/**
 * Reads the workflows' folder. What they import from elsewhere is read with its import.
 * @throws the file system's error when `directory` cannot be read
 */
export function readCode(directory: string): Code {
  const files = findWorkflowFiles(directory);
  const sources = new Map(files.map((file) => [realpathSync(file), readFileSync(file, 'utf8')]));
  return { files, tsconfig: findTsconfig(directory), sources, resolved: new Map() };
}

/** The `tsconfig.json` that compilers and editors go by in a folder: its own, or that of the nearest folder above. */
function findTsconfig(directory: string): string | undefined {
  const path = join(directory, 'tsconfig.json');
  if (statSync(path, { throwIfNoEntry: false })?.isFile()) return path;
  return dirname(directory) === directory ? undefined : findTsconfig(dirname(directory));
}
