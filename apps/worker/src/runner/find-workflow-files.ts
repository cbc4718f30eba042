import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const SOURCE = /\.[cm]?[jt]s$/;
const NO_WORKFLOWS = /\.d\.[cm]?ts$|\.(spec|test)\.[cm]?[jt]s$/;
/** `dist` holds the compiled twins of the sources beside it. */
const SKIPPED_FOLDERS = new Set(['node_modules', 'dist']);

/**
 * The absolute paths of all sources below `directory`, sorted; without `node_modules`, `dist`, folders that
 * begin with a dot, declarations and tests.
 * @throws the file system's error when `directory` cannot be read
 */
export function findWorkflowFiles(directory: string): string[] {
  const files: string[] = [];
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    const kind = entry.isSymbolicLink() ? statSync(path, { throwIfNoEntry: false }) : entry;
    if (kind?.isDirectory()) {
      const skipped = entry.name.startsWith('.') || SKIPPED_FOLDERS.has(entry.name) || entry.isSymbolicLink();
      if (!skipped) files.push(...findWorkflowFiles(path));
    } else if (kind?.isFile() && SOURCE.test(entry.name) && !NO_WORKFLOWS.test(entry.name)) {
      files.push(path);
    }
  }
  return files.sort();
}
