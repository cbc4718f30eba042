import promises from 'node:fs/promises';
import { syncBuiltinESMExports, type LoadFnOutput, type LoadHookContext } from 'node:module';
import type { MessagePort } from 'node:worker_threads';
import { keepReads } from './keep-reads.js';
import { codePath, Kept, textOf } from './kept.js';

type NextLoad = (url: string, context?: Partial<LoadHookContext>) => LoadFnOutput | Promise<LoadFnOutput>;

/** The formats of modules that are text. */
const TEXT = /^(json|module|commonjs)/;

let kept: Kept<string>;
const { readFile } = promises;

/** Has all that this thread of hooks reads of the worker's code read once: tsx reads some files past the hooks. */
export function initialize({ known, port }: { known: ReadonlyMap<string, string>; port: MessagePort }): void {
  kept = new Kept(known, (path, text) => port.postMessage([path, text]));
  keepReads(kept, () => true);
  const keptFile = async (...[file, options]: Parameters<typeof readFile>): Promise<unknown> => {
    const path = options === 'utf8' ? codePath(file) : undefined;
    if (path === undefined) return readFile(file, options);
    return kept.find(path) ?? kept.keep(path, await readFile(path, 'utf8'));
  };
  Object.assign(promises, { readFile: keptFile });
  syncBuiltinESMExports();
}

/** The text of a file as the worker read it, if the file is another one by now, or gone. */
export async function textIfChanged(path: string): Promise<string | undefined> {
  const known = kept.find(path);
  const present = await readFile(path, 'utf8').catch(() => undefined);
  return known === present ? undefined : known;
}

/** Module hook, asked after the compiler's: gives the text that a file had when the worker read it. */
export async function load(url: string, context: LoadHookContext, next: NextLoad): Promise<LoadFnOutput> {
  const path = codePath(url);
  if (path === undefined || !url.startsWith('file:')) return next(url, context);
  const { format } = context;
  const known = kept.find(path);
  if (known !== undefined && format != null && !format.startsWith('commonjs')) {
    return { format, source: known, shortCircuit: true };
  }
  try {
    const loaded = await next(url, context);
    if (loaded.source == null || !TEXT.test(loaded.format ?? 'module')) return loaded;
    return { ...loaded, source: kept.keep(path, textOf(loaded.source)) };
  } catch (error) {
    // A file that is gone and that no hook told the format of is CommonJS.
    if (known === undefined || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return { format: 'commonjs', source: null as unknown as undefined, shortCircuit: true };
  }
}
