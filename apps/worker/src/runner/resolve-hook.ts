import { readFileSync } from 'node:fs';
import type { ResolveFnOutput, ResolveHookContext } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isOwnPackage } from './own-packages.js';

type NextResolve = (specifier: string, context?: ResolveHookContext) => Promise<ResolveFnOutput>;

const AMBIGUOUS = /^file:.*\.[jt]s$/;
/** tsx marks CommonJS files that ES modules import, in the path too. */
const MARKS = /(%3Ftsx-|[?#]).*$/;
const MODULE_SYNTAX = /^\s*(import|export)\b(?!\s*\()/m;

/**
 * Module hook of a runner thread. User files outside any project find the worker's own copies of the packages
 * every workflow needs, and are ES modules when they look like it, without a `package.json` that says so.
 */
export async function resolve(
  specifier: string,
  context: ResolveHookContext,
  next: NextResolve,
): Promise<ResolveFnOutput> {
  const resolved = await resolveOrFallBack(specifier, context, next);
  // From Node 22 on a file that may be either has no format yet.
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
