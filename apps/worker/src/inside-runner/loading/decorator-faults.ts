import { relative } from 'node:path';
import type { Code } from '../../wire/protocol.js';

/** Comments, but not the two strokes of an address in a text. */
const COMMENTS = /\/\*[\s\S]*?\*\/|(?<![:"'\w])\/\/.*$/gm;
const METADATA = /"emitDecoratorMetadata"\s*:\s*(true|false)/;
const DECORATOR = /^\s*@[A-Za-z_$]/m;

/**
 * The files whose decorators would miss the types that `emitDecoratorMetadata` promises them: whoever asks for such a type
 * would be given `undefined`. The compiler that loads TypeScript takes each file alone and knows no types.
 */
export function decoratorFaults(directory: string, { tsconfig, sources }: Code): string[] {
  const configs = [...sources].filter(([path]) => path.endsWith('.json')).map(([, text]) => text);
  const own = tsconfig === undefined ? [] : [sources.get(tsconfig) ?? ''];
  // The first word counts: what a configuration extends comes after it.
  const [word] = [...own, ...configs].flatMap((text) => METADATA.exec(text.replace(COMMENTS, ''))?.[1] ?? []);
  if (tsconfig === undefined || word !== 'true') return [];
  return [...sources]
    .filter(([path, text]) => /\.[cm]?ts$/.test(path) && DECORATOR.test(text.replace(COMMENTS, '')))
    .map(
      ([path]) =>
        `${relative(directory, path)}: its decorators miss the types that emitDecoratorMetadata of ` +
        `${relative(directory, tsconfig)} promises: compile the folder with tsc and start the worker with ` +
        'its output, or take the option out',
    );
}
