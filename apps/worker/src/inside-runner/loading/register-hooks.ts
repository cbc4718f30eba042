import Module, { createRequire, register } from 'node:module';
import { MessageChannel, receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import type { Code, Resolved } from '../../wire/protocol.js';
import { keepReads } from './keep-reads.js';
import { codePath, isOwnPackage, Kept } from './kept.js';

type Handler = (module: unknown, filename: string) => unknown;

/** The inside of `require`, which tsx replaces in the same way. */
interface Loader {
  _resolveFilename: (
    this: unknown,
    request: string,
    parent?: { filename?: string },
    ...rest: unknown[]
  ) => string;
  readonly _extensions: Record<string, Handler>;
}

const EXTENSIONS = ['.js', '.cjs', '.ts', '.cts', '.tsx', '.jsx', '.json'];

/**
 * Lets this thread import TypeScript, if `typescript`, resolve the worker's own packages from anywhere, and load `code`
 * as it was read. Call it once a thread.
 * @returns gives all that has been read and resolved until now
 */
export async function registerHooks(code: Code, typescript: boolean): Promise<() => Code> {
  const sources = new Map(code.sources);
  const resolved = new Map(code.resolved);
  // Hooks registered last are asked first: the compiler asks this one for the text of files.
  const hearSources = registerHook(new URL('./source-hook.js', import.meta.url), sources);
  if (typescript) await registerCompiler(code, sources);
  const hearResolved = registerHook(new URL('./resolve-hook.js', import.meta.url), resolved);
  keepRequired(new Kept(code.sources, (path, text) => sources.set(path, text)));
  keepResolved(new Kept(code.resolved, (key, value) => resolved.set(key, value)), sources);
  return () => {
    hearSources();
    hearResolved();
    return { ...code, sources, resolved };
  };
}

/** @returns takes what the hook has told into `into` */
function registerHook<T>(hook: URL, into: Map<string, T>): () => void {
  const { port1, port2 } = new MessageChannel();
  register(hook, { data: { known: into, port: port2 }, transferList: [port2] });
  return () => hearInto(port1, into);
}

function hearInto<T>(port: MessagePort, into: Map<string, T>): void {
  for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) {
    const [key, value] = next.message as [string, T];
    if (!into.has(key)) into.set(key, value);
  }
}

async function registerCompiler({ tsconfig }: Code, sources: Map<string, string>): Promise<void> {
  const [esm, cjs] = await Promise.all([import('tsx/esm/api'), import('tsx/cjs/api')]);
  const { TSX_TSCONFIG_PATH: own } = process.env;
  let path = own ?? tsconfig;
  try {
    esm.register(path === undefined ? {} : { tsconfig: path });
  } catch (error) {
    if (own !== undefined) throw error;
    // What it extends was not copied along, say: nothing but paths would come from it.
    process.emitWarning(`${path} is not gone by: ${(error as Error).message}`, { code: 'FLUX_TSCONFIG' });
    esm.register({ tsconfig: false });
    path = undefined;
  }
  if (path !== undefined) process.env.TSX_TSCONFIG_PATH = path;
  const kept = new Kept(sources, (file, text) => sources.set(file, text));
  const end = keepReads(kept, (file) => file.endsWith('.json'));
  cjs.register();
  end();
  if (own === undefined) delete process.env.TSX_TSCONFIG_PATH;
}

function keepRequired(kept: Kept<string>): void {
  const { _extensions: handlers } = Module as unknown as Loader;
  for (const extension of EXTENSIONS) {
    const handler = handlers[extension];
    if (!handler) continue;
    const value: Handler = (module, filename) => {
      const path = codePath(filename);
      if (path === undefined) return handler(module, filename);
      const end = keepReads(kept, (file) => file === path);
      try {
        return handler(module, filename);
      } finally {
        end();
      }
    };
    Object.defineProperty(handlers, extension, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  }
}

function keepResolved(kept: Kept<Resolved>, sources: ReadonlyMap<string, string>): void {
  const own = createRequire(import.meta.url);
  const loader = Module as unknown as Loader;
  const resolveFilename = loader._resolveFilename;
  loader._resolveFilename = function (request, parent, ...rest): string {
    const key = `require ${codePath(parent?.filename) ?? ''} ${request}`;
    const known = sources.has(request) ? request : kept.find(key)?.url;
    if (known !== undefined) return known;
    try {
      const url = resolveFilename.call(this, request, parent, ...rest);
      if (codePath(url) !== undefined) kept.keep(key, { url });
      return url;
    } catch (error) {
      if (!isOwnPackage(request)) throw error;
      return own.resolve(request);
    }
  };
}
