import { FluxError } from '@flux/domain';
import { z } from 'zod';
import type { PageStart } from '../store/shown-executions.js';

const shape = z.tuple([z.int().min(-8.64e15).max(8.64e15), z.uuid()]);

export function encodeCursor({ createdAt, id }: PageStart): string {
  return Buffer.from(JSON.stringify([createdAt, id])).toString('base64url');
}

/** @throws FluxError `INVALID_REQUEST` for a text that {@link encodeCursor} did not make */
export function decodeCursor(text: string): PageStart {
  const parsed = shape.safeParse(parseJson(Buffer.from(text, 'base64url').toString()));
  if (parsed.success) return { createdAt: parsed.data[0], id: parsed.data[1] };
  const errors = [{ path: 'cursor', message: 'must be the nextCursor of a page' }];
  throw new FluxError('INVALID_REQUEST', 'the cursor is not valid', { details: { errors } });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
