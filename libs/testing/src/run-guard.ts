import { superviseProcess, type SupervisedProcess } from './supervised-process.js';

// The variable is in the environment of everything a test starts, its children's children included.
const KILL_EVERYTHING_OF_THE_RUN = `
grep -lzx "FLUX_TEST_RUN=$1" /proc/[0-9]*/environ 2>/dev/null |
  while IFS=/ read -r _ _ pid _; do kill -KILL "$pid"; done
`;

/**
 * Kills the processes of this test run when it is stopped, or when this process ends in whatever way: an
 * interrupted run leaves no workers behind. They are known by FLUX_TEST_RUN=`runId` (Linux only).
 */
export function guardTestRun(runId: string): SupervisedProcess {
  return superviseProcess({
    script: 'exec sleep 2147483647',
    args: [runId],
    stopSignal: 'KILL',
    cleanup: KILL_EVERYTHING_OF_THE_RUN,
  });
}
