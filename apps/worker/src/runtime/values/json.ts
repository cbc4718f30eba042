import { FluxError } from '@flux/domain';

/** No character takes more bytes in JSON text of UTF-8, escapes included. */
export const MOST_BYTES_A_CHARACTER = 6;

/** @throws FluxError `PAYLOAD_TOO_LARGE`, which tells the size, of a value that came as JSON */
export function assertPayload(value: unknown, what: string, limitBytes: number): void {
  if (value !== undefined) assertSize(JSON.stringify(value), what, limitBytes);
}

/** @throws FluxError `PAYLOAD_TOO_LARGE`, which tells the size */
export function assertSize(text: string, what: string, limitBytes: number): void {
  if (text.length * MOST_BYTES_A_CHARACTER <= limitBytes) return;
  const bytes = Buffer.byteLength(text);
  if (bytes > limitBytes) throw tooLarge(what, bytes, limitBytes);
}

/** @param about stands before the bytes */
export function tooLarge(what: string, bytes: number, limitBytes: number, about = ''): FluxError {
  return new FluxError(
    'PAYLOAD_TOO_LARGE',
    `${what} is ${about}${bytes} bytes of JSON, more than the ${limitBytes} that are allowed`,
    {
      hint: 'Store the data elsewhere and pass a reference, or raise FLUX_MAX_INPUT.',
      details: { bytes, limitBytes },
    },
  );
}
