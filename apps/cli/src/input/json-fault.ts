import { parse, type ParseError } from 'jsonc-parser';

/**
 * The offset of the first character that keeps `text` from being JSON, `undefined` when it is JSON. The engine's
 * own message names a place only for some faults, and differs between versions of Node.
 */
export function jsonFault(text: string): number | undefined {
  const faults: ParseError[] = [];
  parse(text, faults, { disallowComments: true });
  return faults[0]?.offset;
}
