const WHITESPACE = /[ \t\n\r]*/y;
const SCALAR = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// eslint-disable-next-line no-control-regex -- JSON forbids control characters in strings
const STRING = /"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4}))*"/y;

class Fault extends Error {
  constructor(readonly offset: number) {
    super('fault');
  }
}

/**
 * The offset of the first character that keeps `text` from being JSON, `undefined` when it is JSON. The engine's
 * own message names a place only for some faults, and differs between versions of Node.
 */
export function jsonFault(text: string): number | undefined {
  try {
    const end = skip(WHITESPACE, text, value(text, 0));
    return end === text.length ? undefined : end;
  } catch (error) {
    if (error instanceof Fault) return error.offset;
    throw error;
  }
}

/** Where the match of `pattern` at `offset` ends; `offset` itself when there is none. */
function skip(pattern: RegExp, text: string, offset: number): number {
  pattern.lastIndex = offset;
  return pattern.test(text) ? pattern.lastIndex : offset;
}

function expect(pattern: RegExp, text: string, offset: number): number {
  const end = skip(pattern, text, offset);
  if (end === offset) throw new Fault(offset);
  return end;
}

function value(text: string, offset: number): number {
  const start = skip(WHITESPACE, text, offset);
  if (text[start] === '{') return members(text, start + 1, '}', pair);
  if (text[start] === '[') return members(text, start + 1, ']', value);
  if (text[start] === '"') return expect(STRING, text, start);
  return expect(SCALAR, text, start);
}

function pair(text: string, offset: number): number {
  const colon = skip(WHITESPACE, text, expect(STRING, text, skip(WHITESPACE, text, offset)));
  if (text[colon] !== ':') throw new Fault(colon);
  return value(text, colon + 1);
}

function members(
  text: string,
  offset: number,
  close: string,
  member: (text: string, offset: number) => number,
): number {
  let at = skip(WHITESPACE, text, offset);
  if (text[at] === close) return at + 1;
  for (;;) {
    at = skip(WHITESPACE, text, member(text, at));
    if (text[at] === close) return at + 1;
    if (text[at] !== ',') throw new Fault(at);
    at += 1;
  }
}
