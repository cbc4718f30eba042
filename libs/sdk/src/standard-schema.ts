import { FluxError } from '@flux/domain';
import type { StandardSchemaV1 } from '@standard-schema/spec';

/** The most issues of an input that an error names. */
const MOST_ISSUES = 20;

export function isStandardSchema(value: unknown): value is StandardSchemaV1 {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false;
  const props = (value as Partial<StandardSchemaV1>)['~standard'];
  return typeof props?.validate === 'function';
}

/**
 * The value as the schema gives it, with its defaults, coercions and transforms.
 * @throws FluxError `INVALID_INPUT` that names each field that the schema refuses, or the error that the schema threw
 */
export async function parseWith(schema: StandardSchemaV1, value: unknown): Promise<unknown> {
  let verdict: StandardSchemaV1.Result<unknown>;
  try {
    verdict = await schema['~standard'].validate(value);
  } catch (cause) {
    const how = cause instanceof Error ? `${cause.name}: ${cause.message}` : 'what is no error';
    throw new FluxError('INVALID_INPUT', `the schema of the input threw ${how}`, { cause });
  }
  if (!isVerdict(verdict)) {
    throw new FluxError(
      'INVALID_INPUT',
      'the schema of the input gives no result, as a Standard Schema does',
    );
  }
  if (verdict.issues === undefined) return verdict.value;
  const errors = verdict.issues.slice(0, MOST_ISSUES).map(({ path, message }) => ({
    path: (path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.') || 'input',
    message,
  }));
  const more = verdict.issues.length - errors.length;
  const fields = errors.map(({ path, message }) => `${path}: ${message}`).join('; ');
  throw new FluxError(
    'INVALID_INPUT',
    `the input does not fit the schema: ${fields}${more > 0 ? `; and ${more} more` : ''}`,
    { details: { errors } },
  );
}

function isVerdict(verdict: unknown): verdict is StandardSchemaV1.Result<unknown> {
  if (typeof verdict !== 'object' || verdict === null) return false;
  return 'issues' in verdict && verdict.issues !== undefined
    ? Array.isArray(verdict.issues)
    : 'value' in verdict;
}
