const MOST = 32 * 1024;
/** About what a number, a key or a bracket takes. */
const EACH = 8;

/**
 * Whether a value has more than some 32 KiB of JSON, about. Looks at no more of the value than it takes to say so; the
 * value has no circles.
 */
export function isBulky(value: unknown): boolean {
  const open: unknown[] = [value];
  let size = 0;
  while (open.length > 0 && size <= MOST) {
    const next = open.pop();
    size += typeof next === 'string' ? next.length : EACH;
    if (typeof next !== 'object' || next === null) continue;
    const parts: unknown[] = Array.isArray(next) ? next : Object.values(next);
    size += EACH * parts.length;
    if (size <= MOST) for (const part of parts) open.push(part);
  }
  return size > MOST;
}
