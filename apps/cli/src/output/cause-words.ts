import { PROBLEMS, type ErrorInfo } from '@flux/contracts';

const CAUSES: Readonly<Record<string, string>> = {
  timeout: ", by the execution's own timeout",
  parent: ", by its parent's cancel",
  bulk: ', by a bulk cancel',
};

export function causeWords(cause: unknown): string {
  return typeof cause === 'string' ? (CAUSES[cause] ?? '') : '';
}

export function reasonWords(reason: unknown): string {
  return typeof reason === 'string' && reason !== '' ? `: ${reason}` : '';
}

/** `TypeError: fetch failed ← connect ECONNREFUSED 127.0.0.1:9 (ECONNREFUSED)`: an error and its causes. */
export function errorWords(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'error not known';
  return chainOf(error, true).join(' ← ');
}

function chainOf(error: Partial<ErrorInfo>, isFirst = false): string[] {
  const { name = 'Error', message = '', cause, errors = [] } = error;
  const title = (isFirst || name !== 'Error' ? [name, message] : [message]).filter(Boolean).join(': ');
  const causes = cause ? chainOf(cause) : [];
  // A message that ends with its cause's tells it already, all but the code.
  const isTold = cause?.message && message.endsWith(cause.message);
  if (isTold) causes.shift();
  const code = ownCode(error) ?? (isTold ? ownCode(cause) : undefined);
  const own = code === undefined ? title : `${title || name} (${code})`;
  const list = errors.map((each) => chainOf(each).join(' ← ')).join('; ');
  return [list === '' ? own : `${own} [${list}]`, ...causes];
}

/** Flux's codes say what the words around them say too. */
function ownCode({ code, fields }: Partial<ErrorInfo>): string | undefined {
  const own = fields?.code ?? (code !== undefined && Object.hasOwn(PROBLEMS, code) ? undefined : code);
  return typeof own === 'string' || typeof own === 'number' ? String(own) : undefined;
}
