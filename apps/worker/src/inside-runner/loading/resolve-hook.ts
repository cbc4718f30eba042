import { readFileSync } from 'node:fs';
import type { LoadFnOutput, LoadHookContext, ResolveFnOutput, ResolveHookContext } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { MessagePort } from 'node:worker_threads';
import type { Resolved } from '../../wire/protocol.js';
import { codePath, isOwnPackage, Kept, MARKS, textOf } from './kept.js';
import { textIfChanged } from './source-hook.js';

type NextLoad = (url: string, context?: LoadHookContext) => Promise<LoadFnOutput>;
type NextResolve = (specifier: string, context?: ResolveHookContext) => Promise<ResolveFnOutput>;

const AMBIGUOUS = /^file:.*\.[jt]s$/;
const MODULE_SYNTAX = /^\s*(import|export)\b(?!\s*\()/m;

let kept: Kept<Resolved>;

export function initialize({
  known,
  port,
}: {
  known: ReadonlyMap<string, Resolved>;
  port: MessagePort;
}): void {
  kept = new Kept(known, (key, value) => port.postMessage([key, value]));
}

/**
 * Module hook of a runner thread. User files outside any project find the worker's own copies of the packages
 * every workflow needs, and are ES modules when they look like it, without a `package.json` that says so. An import
 * of a file of theirs leads for ever to where it led when the worker started.
 */
export async function resolve(
  specifier: string,
  context: ResolveHookContext,
  next: NextResolve,
): Promise<ResolveFnOutput> {
  const key = `${context.parentURL ?? ''} ${specifier}`;
  const known = kept.find(key);
  if (known) {
    const { url, format } = known;
    return { url, format, importAttributes: context.importAttributes, shortCircuit: true };
  }
  const resolved = await resolveAnew(specifier, context, next);
  const { url, format } = resolved;
  if (url.startsWith('file:') && codePath(url) !== undefined) kept.keep(key, { url, format });
  return resolved;
}

/**
 * Module hook, asked before the compiler's. ES modules import names that Node reads off a CommonJS file on the disk, which
 * may be another one by now, or gone. And CommonJS that a hook gives the text of, as tsx does for `.cts`, gets a `require`
 * from Node 20 that fails with ES modules, and the SDK is one. So such a file is given as one that requires itself, and
 * whose text is there for its names alone.
 */
export async function load(url: string, context: LoadHookContext, next: NextLoad): Promise<LoadFnOutput> {
  const loaded = await next(url, context);
  const path = /^file:[^?#]*\.[cm]?[jt]s$/.test(url) ? codePath(url) : undefined;
  if (path === undefined || loaded.format !== 'commonjs') return loaded;
  const text = loaded.source == null ? await textIfChanged(path) : textOf(loaded.source);
  if (text === undefined) return loaded;
  const itself = `(require = require('node:module').createRequire(${JSON.stringify(url)}))(${JSON.stringify(path)})`;
  return { ...loaded, source: `module.exports = ${itself}; return; ${text.replace(/^#!/, '//')}` };
}

async function resolveAnew(
  specifier: string,
  context: ResolveHookContext,
  next: NextResolve,
): Promise<ResolveFnOutput> {
  const resolved = await resolveOrFallBack(specifier, context, next);
  // A file that may be either has no format yet on Node 22 and newer.
  if ((resolved.format ?? 'commonjs') !== 'commonjs') return resolved;
  const url = resolved.url.replace(MARKS, '');
  return AMBIGUOUS.test(url) && looksLikeModule(url) ? { ...resolved, url, format: 'module' } : resolved;
}

async function resolveOrFallBack(
  specifier: string,
  context: ResolveHookContext,
  next: NextResolve,
): Promise<ResolveFnOutput> {
  try {
    return await next(specifier, context);
  } catch (error) {
    if (!isOwnPackage(specifier)) throw error;
    return next(specifier, { ...context, parentURL: import.meta.url });
  }
}

function looksLikeModule(url: string): boolean {
  const path = fileURLToPath(url);
  return !path.includes('/node_modules/') && MODULE_SYNTAX.test(readFileSync(path, 'utf8'));
}
