import { FluxError } from '@flux/domain';

/** No character takes more bytes in JSON text of UTF-8, escapes included. */
const MOST_BYTES_A_CHARACTER = 6;

/**
 * The value as JSON gives it back. `undefined` becomes `null`.
 * @param limitBytes of its JSON text
 * @throws TypeError that names `what` when the value is no JSON · FluxError `PAYLOAD_TOO_LARGE`
 */
export function toJson(value: unknown, what: string, limitBytes: number): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value === 'boolean') return value;
  if (typeof value === 'string' && value.length * MOST_BYTES_A_CHARACTER + 2 <= limitBytes) return value;
  const text = textOf(value, what);
  assertSize(text, what, limitBytes);
  return JSON.parse(text);
}

/** @throws FluxError `PAYLOAD_TOO_LARGE`, which tells the size · TypeError when the value is no JSON */
export function assertPayload(value: unknown, what: string, limitBytes: number): void {
  if (value !== undefined) assertSize(textOf(value, what), what, limitBytes);
}

/** @throws TypeError that names `what` when the value is no JSON */
export function textOf(value: unknown, what: string): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw new TypeError(`${what} cannot be recorded as JSON: ${firstLine(error)}`, { cause: error });
  }
  if (text === undefined) throw new TypeError(`${what} cannot be recorded as JSON: it is a ${typeof value}`);
  return text;
}

/** @throws FluxError `PAYLOAD_TOO_LARGE`, which tells the size */
export function assertSize(text: string, what: string, limitBytes: number): void {
  if (text.length * MOST_BYTES_A_CHARACTER <= limitBytes) return;
  const bytes = Buffer.byteLength(text);
  if (bytes <= limitBytes) return;
  throw new FluxError(
    'PAYLOAD_TOO_LARGE',
    `${what} is ${bytes} bytes of JSON, more than the ${limitBytes} that are allowed`,
    {
      hint: 'Store the data elsewhere and pass a reference, or raise FLUX_MAX_INPUT.',
      details: { bytes, limitBytes },
    },
  );
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n', 1)[0] ?? message;
}
