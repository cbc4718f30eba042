import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname, relative } from 'node:path';
import type { Logger } from 'pino';
import { findWorkflowFiles } from '../inside-runner/loading/find-workflow-files.js';
import type { Code } from '../wire/protocol.js';

const LOOK_EVERY_MS = 2_000;
/** The most files that are named. */
const MOST_NAMED = 20;

export interface CodeWatchOptions {
  readonly directory: string;
  readonly log: Logger;
  /** Other files differ now. */
  onChange(): void;
}

/** Looks whether the files on the disk are still the code that the worker started with, and runs. */
export class CodeWatch {
  readonly #options: CodeWatchOptions;
  #timer: NodeJS.Timeout | undefined;
  #looking = false;
  #told = false;
  #stamps = '';
  #changed: readonly string[] = [];

  constructor(options: CodeWatchOptions) {
    this.#options = options;
  }

  watch(code: Code): void {
    this.#timer = setInterval(() => void this.#look(code), LOOK_EVERY_MS);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** The paths, from the workflows' folder, of files that were changed, removed or added since; the first of them. */
  list(): string[] {
    return this.#changed.slice(0, MOST_NAMED);
  }

  async #look(code: Code): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      const stamps = (await Promise.all([...this.#watched(code)].map(stampOf))).join();
      if (stamps === this.#stamps) return;
      this.#stamps = stamps;
      const before = this.#changed.join();
      this.#changed = await this.#compare(code);
      if (this.#changed.join() !== before) this.#tell();
    } finally {
      this.#looking = false;
    }
  }

  /** The files, and the folders that a new one could come to. */
  #watched({ files, sources }: Code): Set<string> {
    const { directory } = this.#options;
    const watched = new Set([...sources.keys(), directory]);
    for (const file of files) {
      for (let folder = dirname(file); folder.length > directory.length; folder = dirname(folder)) {
        watched.add(folder);
      }
    }
    return watched;
  }

  async #compare({ files, sources }: Code): Promise<string[]> {
    const { directory } = this.#options;
    const known = new Set(files);
    const changed = this.#filesNow()
      .filter((file) => !known.has(file))
      .map((file) => relative(directory, file));
    const root = await realpath(directory).catch(() => directory);
    for (const [path, text] of sources) {
      const present = await readFile(path, 'utf8').catch(() => undefined);
      if (present !== text) changed.push(relative(root, path));
    }
    return changed.sort();
  }

  #filesNow(): string[] {
    try {
      return findWorkflowFiles(this.#options.directory);
    } catch {
      return [];
    }
  }

  #tell(): void {
    this.#options.onChange();
    if (this.#told || this.#changed.length === 0) return;
    this.#told = true;
    this.#options.log.warn(
      { files: this.list() },
      'the workflow files are others now: this worker runs what it started with until it is started again',
    );
  }
}

/** Changes with the file; empty where there is none. */
async function stampOf(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  return found ? `${found.mtimeMs} ${found.size} ${found.ino}` : '';
}
