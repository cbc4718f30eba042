import { inspect } from 'node:util';
import { PROBLEMS } from '@flux/contracts';
import { EXIT, exitCodeOf } from './exit-codes.js';
import { inWordsOfTheCli } from './output/hint-words.js';
import { clean, styleFor } from './output/style.js';

/** Ctrl-C while a command waited. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** An error as `flux` shows it: the same words as the api's problems. */
interface Shown {
  readonly code: string;
  readonly message: string;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;
}

/** A mistake on the command line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'INVALID_REQUEST';

  constructor(
    message: string,
    readonly hint: string,
  ) {
    super(message);
  }
}

/** Writes the error to stderr, as lines or as one JSON object, and returns the exit code. */
export function reportError(error: unknown, json: boolean): number {
  const exit = quietExit(error);
  if (exit !== undefined) return exit;
  const shown = show(error);
  if (json) {
    const { code, message, hint, details } = shown;
    const extra = Object.keys(details).length > 0 ? { details } : {};
    process.stderr.write(`${JSON.stringify({ error: { code, message, hint, ...extra } }, null, 2)}\n`);
  } else {
    process.stderr.write(`${linesOf(shown).join('\n')}\n`);
    if (process.env.DEBUG) process.stderr.write(`${inspect(error)}\n`);
  }
  return exitCodeOf(shown.code);
}

function linesOf({ code, message, hint, details }: Shown): string[] {
  const style = styleFor(process.stderr);
  // The api's messages may have several lines, each fault its own.
  const [first = '', ...rest] = message.split('\n').map(clean);
  return [
    `${style('red', 'Error:')} ${first}`,
    ...rest,
    // A message that names the faults itself has them once.
    ...faultsOf(details)
      .filter((fault) => !message.includes(fault))
      .map((fault) => `  ${clean(fault)}`),
    `Code: ${clean(code)}`,
    ...(hint ? [`Hint: ${clean(inWordsOfTheCli(hint))}`] : []),
  ];
}

function faultsOf(details: Readonly<Record<string, unknown>>): string[] {
  if (!Array.isArray(details.errors)) return [];
  return details.errors.map((fault: { path?: unknown; message?: unknown }) =>
    [fault.path, fault.message].filter((part) => typeof part === 'string' && part !== '').join(': '),
  );
}

const hintsByCode: Readonly<Record<string, { readonly hint: string }>> = PROBLEMS;

function show(error: unknown): Shown {
  const message = error instanceof Error ? error.message : String(error);
  if (isCodedError(error)) {
    const hint = error.hint ?? hintsByCode[error.code]?.hint;
    return { code: error.code, message, hint, details: error.details ?? {} };
  }
  if (isOclifError(error)) {
    return { code: 'INVALID_REQUEST', message, hint: "'flux --help' lists the commands.", details: {} };
  }
  const hint = 'Set DEBUG=1 to see where it comes from.';
  return { code: 'INTERNAL_ERROR', message, hint, details: {} };
}

type CodedError = Pick<Shown, 'code' | 'hint'> & Partial<Pick<Shown, 'details'>>;

/** The form tells: the packages that have the classes need not be loaded to show an error. */
function isCodedError(error: unknown): error is Error & CodedError {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && 'hint' in error;
}

function isOclifError(error: unknown): error is Error & { oclif: { exit?: number } } {
  return error instanceof Error && 'oclif' in error;
}

function quietExit(error: unknown): number | undefined {
  if (error instanceof Interrupted) return EXIT.interrupted;
  if (isOclifError(error) && 'code' in error && error.code === 'EEXIT') return error.oclif.exit ?? EXIT.done;
  return undefined;
}
