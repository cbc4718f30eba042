import { createRequire, type LoadFnOutput } from 'node:module';
import { dirname, isAbsolute, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
/** The folders of what is Flux's own and no workflow's, wherever that is. */
const OWN = [
  ...['@flux/sdk', '@flux/contracts', '@flux/domain'].map((name) => require.resolve(name)),
  fileURLToPath(import.meta.url),
].map((file) => dirname(file) + sep);

const OWN_PACKAGES = ['@flux/sdk', 'zod'];

/** The first value of each key: what is known stays so, and what is new is told. */
export class Kept<T> {
  readonly #known: Map<string, T>;
  readonly #tell: (key: string, value: T) => void;

  constructor(known: ReadonlyMap<string, T>, tell: (key: string, value: T) => void) {
    this.#known = new Map(known);
    this.#tell = tell;
  }

  find(key: string): T | undefined {
    return this.#known.get(key);
  }

  keep(key: string, value: T): T {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    this.#known.set(key, value);
    this.#tell(key, value);
    return value;
  }
}

/** The path of a file that is a part of the worker's code; `undefined` for packages and whatever is no file. */
export function codePath(location: unknown): string | undefined {
  const text = location instanceof URL ? location.href : location;
  if (typeof text !== 'string') return undefined;
  const path = text.startsWith('file:') ? fileURLToPath(text.replace(MARKS, '')) : text.replace(/\?.*$/, '');
  const isPackage =
    path.includes(`${sep}node_modules${sep}`) || OWN.some((folder) => path.startsWith(folder));
  return isPackage || !isAbsolute(path) ? undefined : path;
}

/** tsx marks CommonJS files that ES modules import, in the path too. */
export const MARKS = /(%3Ftsx-|[?#]).*$/;

/** The text of a module that a hook was given. */
export function textOf(source: NonNullable<LoadFnOutput['source']>): string {
  return typeof source === 'string' ? source : new TextDecoder().decode(source);
}

/** True for an import of a package that workflows may use without having installed it. */
export function isOwnPackage(specifier: string): boolean {
  return OWN_PACKAGES.some((name) => specifier === name || specifier.startsWith(`${name}/`));
}
