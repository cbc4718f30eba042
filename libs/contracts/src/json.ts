import type { ErrorCode } from '@flux/domain';
import { MOST_LEVELS, tooDeepAt } from './plain.js';

/** A place in a JSON text that parsing would change without a word, or that is nested too deep. */
export interface JsonFault {
  readonly code: Extract<ErrorCode, 'VALUE_TOO_DEEP' | 'INVALID_JSON_NUMBER' | 'DUPLICATE_KEY'>;
  /** Dotted; empty for the text as a whole. */
  readonly path: string;
  readonly message: string;
}

const MOST_FAULTS = 20;
const LONGEST_PATH = 200;
const LONGEST_SHOWN = 50;
/** A number of so many digits comes back as it was, if a `double` reaches so far. */
const SAFE_DIGITS = 15;
const SMALLEST_NORMAL = 2.3e-308;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/**
 * What a valid JSON text says that `value`, made from it by `JSON.parse`, does not: numbers that JavaScript would
 * change, and keys that an object has twice; or where it is nested too deep. Only a text with such a place is gone
 * through a second time, to name it.
 * @param outerLevels the objects around the value that the limit of levels is for
 */
export function jsonFaults(text: string, value: unknown, outerLevels = 0): JsonFault[] {
  const deep = tooDeepAt(value, MOST_LEVELS + outerLevels);
  if (deep) {
    const message = `is nested more than ${MOST_LEVELS} levels deep`;
    return [{ code: 'VALUE_TOO_DEEP', path: pathOf(deep), message }];
  }
  return isAllKept(text, value) ? [] : faultsOf(text);
}

function isAllKept(text: string, value: unknown): boolean {
  let keys = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) at = endOfString(text, at);
    else if (unit === COLON) keys += 1;
    else if (isDigit(unit)) {
      const start = at;
      at = endOfNumber(text, at);
      if (!isKept(text, start, at)) return false;
    }
  }
  return keys === countKeys(value);
}

/** The last character of the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text.charCodeAt(before) === BACKSLASH) before -= 1;
    if ((end - before) % 2 === 1) return end;
  }
}

/** The last character of the number that `at` is in. */
function endOfNumber(text: string, at: number): number {
  let end = at;
  while (isOfNumber(text.charCodeAt(end + 1))) end += 1;
  return end;
}

const isExponent = (unit: number): boolean => (unit | 0x20) === 0x65;
const isDigit = (unit: number): boolean => unit >= 0x30 && unit <= 0x39;
/** Digits, `.`, `-`, `+`, `e` and `E`. */
const isOfNumber = (unit: number): boolean =>
  isDigit(unit) || unit === 0x2e || unit === 0x2d || unit === 0x2b || isExponent(unit);

function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const values = Object.values(value);
  let keys = Array.isArray(value) ? 0 : values.length;
  for (const each of values) keys += countKeys(each);
  return keys;
}

/**
 * Whether the number from `start` to `end` is the same after it was read and written, or has the digits that its `double`
 * has, but more of them than it takes to tell that.
 */
function isKept(text: string, start: number, end: number): boolean {
  if (end - start < SAFE_DIGITS && !hasExponent(text, start, end)) return true;
  const number = text.slice(start, end + 1);
  const value = Number(number);
  if (end - start < SAFE_DIGITS && Number.isFinite(value) && value > SMALLEST_NORMAL) return true;
  const given = String(value);
  if (given === number || isExact(value, number)) return true;
  const wanted = decimalOf(number);
  if (wanted === decimalOf(given)) return true;
  const [digits = '', point = '0'] = wanted.split('e');
  const isFraction = digits.length > Number(point);
  return isFraction && digits.length <= 100 && wanted === decimalOf(value.toPrecision(digits.length));
}

/** Whether a fraction without an exponent has the digits of its `double`; most that are long have. */
function isExact(value: number, fraction: string): boolean {
  const digits = fraction.replace('.', '').replace(/^0+/, '').length;
  return fraction.includes('.') && digits > 0 && digits <= 100 && value.toPrecision(digits) === fraction;
}

function hasExponent(text: string, start: number, end: number): boolean {
  for (let at = start + 1; at < end; at += 1) if (isExponent(text.charCodeAt(at))) return true;
  return false;
}

/** A number without its sign as its significant digits and the place of its point, `15e1` for 1.5; `0` for none. */
function decimalOf(text: string): string {
  const [, whole = '', fraction = '', exponent = '0'] =
    /^(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  return significant === '' ? '0' : `${significant}e${digits.length - fraction.length + Number(exponent)}`;
}

/** An object or list that the walk through a text is in. */
interface Frame {
  key: string | number;
  /** The keys of an object so far. */
  readonly seen?: Set<string>;
}

function faultsOf(text: string): JsonFault[] {
  const faults: JsonFault[] = [];
  const frames: Frame[] = [];
  let expectsKey = false;
  const add = (code: JsonFault['code'], message: string): void =>
    void faults.push({ code, path: pathOf(frames.map(({ key }) => key)), message });
  for (let at = 0; at < text.length && faults.length < MOST_FAULTS; at += 1) {
    const frame = frames.at(-1);
    const character = text.charAt(at);
    if (character === '{') frames.push({ key: '', seen: new Set() });
    else if (character === '[') frames.push({ key: 0 });
    else if (character === '}' || character === ']') frames.pop();
    else if (character === ',' && frame && !frame.seen) frame.key = Number(frame.key) + 1;
    if (character === '"') {
      const end = endOfString(text, at);
      if (expectsKey && frame?.seen) {
        frame.key = JSON.parse(text.slice(at, end + 1)) as string;
        if (frame.seen.has(frame.key)) add('DUPLICATE_KEY', 'is there twice');
        frame.seen.add(frame.key);
      }
      at = end;
    } else if (isDigit(text.charCodeAt(at))) {
      const end = endOfNumber(text, at);
      if (!isKept(text, at, end)) add('INVALID_JSON_NUMBER', changeOf(text, at, end));
      at = end;
    }
    if (!/\s/.test(character))
      expectsKey = character === '{' || (character === ',' && frame?.seen !== undefined);
  }
  return faults;
}

function changeOf(text: string, start: number, end: number): string {
  const number = text.slice(text.charAt(start - 1) === '-' ? start - 1 : start, end + 1);
  const shown = number.length > LONGEST_SHOWN ? `${number.slice(0, LONGEST_SHOWN)}…` : number;
  return `${shown} would become ${String(Number(number))}`;
}

/** A path as errors name it; a very long one ends in '…'. */
export function pathOf(path: readonly unknown[]): string {
  const dotted = path.join('.');
  return dotted.length > LONGEST_PATH ? `${dotted.slice(0, LONGEST_PATH)}…` : dotted;
}
