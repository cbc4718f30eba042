import { type SupervisedProcess, type TestServers } from '@flux/testing';

/** The state that the global setup hands to the global teardown; jest gives them nothing but the process in common. */
export interface TestRun {
  readonly servers: TestServers;
  readonly guard: SupervisedProcess;
}

const KEY = Symbol.for('flux.testRun');
type Holder = { [KEY]?: TestRun | undefined };

export function keepTestRun(testRun: TestRun): void {
  (globalThis as Holder)[KEY] = testRun;
}

/** The run kept last, once. */
export function takeTestRun(): TestRun | undefined {
  const holder = globalThis as Holder;
  const testRun = holder[KEY];
  holder[KEY] = undefined;
  return testRun;
}
