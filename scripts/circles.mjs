/** Circles of relative imports among files, `import type` counted. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

const IMPORT = /(?:\bfrom\s+|^import\s+|\bimport\()'(\.[^']+)'/gm;

/** Reads each file once; a graph is good for one run. */
export class ImportGraph {
  #imports = new Map();

  /** The files that `file` imports by relative paths; all paths are absolute. */
  importsOf(file) {
    const known = this.#imports.get(file);
    if (known) return known;
    const found = [...readFileSync(file, 'utf8').matchAll(IMPORT)]
      .map(([, specifier]) => resolve(dirname(file), specifier.replace(/\.js$/, '.ts')))
      .filter((path) => existsSync(path));
    this.#imports.set(file, found);
    return found;
  }

  /** The shortest way along imports from one file to another, both included; undefined when there is none. */
  way(from, to) {
    const cameFrom = new Map([[from, undefined]]);
    for (const file of cameFrom.keys()) {
      if (file === to) {
        const way = [];
        for (let step = file; step !== undefined; step = cameFrom.get(step)) way.unshift(step);
        return way;
      }
      for (const next of this.importsOf(file)) if (!cameFrom.has(next)) cameFrom.set(next, file);
    }
    return undefined;
  }
}
