/**
 * The value as it will be read back from the record, so that a first run and a replay see the same.
 * `undefined` becomes `null`.
 * @throws TypeError that names `what` when the value is no JSON
 */
export function toJson(value: unknown, what: string): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw new TypeError(`${what} cannot be recorded as JSON: ${firstLine(error)}`, { cause: error });
  }
  if (text === undefined) throw new TypeError(`${what} cannot be recorded as JSON: it is a ${typeof value}`);
  return JSON.parse(text);
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n', 1)[0] ?? message;
}
