import Module, { createRequire, register } from 'node:module';
import { isOwnPackage } from './own-packages.js';

interface ResolveFilename {
  _resolveFilename: (this: unknown, request: string, ...rest: unknown[]) => string;
}

/**
 * Lets this thread import TypeScript, if `typescript`, and resolve the worker's own packages from anywhere.
 * Call it once a thread.
 */
export async function registerHooks(typescript: boolean): Promise<void> {
  if (typescript) {
    const [esm, cjs] = await Promise.all([import('tsx/esm/api'), import('tsx/cjs/api')]);
    esm.register();
    cjs.register();
  }
  // Hooks registered last are asked first.
  register(new URL('./resolve-hook.js', import.meta.url));
  fallBackInRequire();
}

function fallBackInRequire(): void {
  const own = createRequire(import.meta.url);
  const loader = Module as unknown as ResolveFilename;
  const resolveFilename = loader._resolveFilename;
  loader._resolveFilename = function (request, ...rest): string {
    try {
      return resolveFilename.call(this, request, ...rest);
    } catch (error) {
      if (!isOwnPackage(request)) throw error;
      return own.resolve(request);
    }
  };
}
