/** Hands jest's totals to `scripts/test.mjs`, which prints them as the last line of a run. */
import { writeFileSync } from 'node:fs';
import { env } from 'node:process';

export default class TotalsReporter {
  onRunComplete(_contexts, results) {
    if (!env.FLUX_TEST_TOTALS) return;
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, numFailedTestSuites } = results;
    const totals = {
      passed: numPassedTests,
      // A file that does not even load has no tests to count.
      failed: Math.max(numFailedTests, numFailedTestSuites > 0 ? 1 : 0),
      skipped: numPendingTests + numTodoTests,
    };
    writeFileSync(env.FLUX_TEST_TOTALS, JSON.stringify(totals));
  }
}
