import type { InitializeHook, LoadHook } from 'node:module';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Edit } from './mutants.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
let edits: readonly Edit[] = [];

export const initialize: InitializeHook<readonly Edit[]> = (data) => {
  edits = data;
};

/**
 * Loads the files that are named with the edits done to them.
 * @throws Error when a file does not have what is to be replaced in it
 */
export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context);
  const own = url.startsWith('file:')
    ? edits.filter(({ file }) => relative(ROOT, fileURLToPath(url)) === file)
    : [];
  if (own.length === 0) return loaded;
  let source = Buffer.from(loaded.source as Uint8Array).toString();
  for (const { file, find, replace } of own) {
    if (!source.includes(find)) throw new Error(`${file} has no '${find}' to mutate`);
    source = source.replace(find, replace);
  }
  return { ...loaded, source };
};
