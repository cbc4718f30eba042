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

/** `TypeError: no such page`. */
export function errorWords(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'error not known';
  const { name, message } = error as { name?: unknown; message?: unknown };
  return [name, message].filter((part) => typeof part === 'string' && part !== '').join(': ');
}
