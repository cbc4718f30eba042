import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { v7, validate, version } from 'uuid';
import { newExecutionId } from './execution-id.js';

const LAST_TIME = 2 ** 48 - 1;

describe('an execution id', () => {
  it("is a UUIDv7 that begins as uuid's of the same time", () => {
    fc.assert(
      fc.property(fc.nat(LAST_TIME), (msecs) => {
        const id = newExecutionId(msecs);
        expect([validate(id), version(id)]).toEqual([true, 7]);
        expect(id.slice(0, 14)).toBe(v7({ msecs }).slice(0, 14));
      }),
    );
  });

  it('comes after those of earlier milliseconds, and is one of its own', () => {
    const times = [0, 1, 255, 256, 1_763_800_000_000, LAST_TIME];
    const ids = times.map((time) => newExecutionId(time));
    expect(ids).toEqual(ids.toSorted());
    expect(new Set(times.map(() => newExecutionId(0))).size).toBe(times.length);
  });
});
