import { expect, test } from '@jest/globals';
import { execution as executionOf } from '../testing/resources.js';
import { statusLines } from './execution-view.js';
import { styleFor } from './style.js';

const AT = '2026-11-28T20:00:00.000Z';
const plain = styleFor({ isTTY: false });

test('a cancel that waits for its delay is told first, with the way back', () => {
  const execution = executionOf({
    state: 'RUNNING',
    pendingCancel: { requestedAt: AT, requestedBy: 'cli:ada', reason: 'wrong file', dueAt: AT },
  });
  const text = statusLines(plain, execution).join('\n');
  expect(text).toContain('begins 2026-11-28 20:00:00 UTC, by cli:ada: wrong file');
  expect(text).toContain(`flux workflow uncancel ${execution.workflowName} ${execution.executionId}`);
});

test("an error of Flux's own comes with what to do", () => {
  const error = {
    name: 'FluxError',
    code: 'PAYLOAD_TOO_LARGE',
    message: 'the output is 2000002 bytes',
  } as const;
  expect(statusLines(plain, executionOf({ state: 'FAILED', error })).join('\n')).toMatch(
    /hint .*FLUX_MAX_INPUT/,
  );
});
