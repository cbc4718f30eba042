import { availableParallelism } from 'node:os';

/** Two projects: pure specs beside their sources, and what needs real servers under `tests/`. */
const shared = {
  extensionsToTreatAsEsm: ['.ts'],
  testEnvironment: 'node',
  injectGlobals: false,
  moduleNameMapper: {
    '^@flux/(sdk|domain|contracts|messaging|client|testing)$': '<rootDir>/libs/$1/src/index.ts',
    '^@flux/contracts/plain$': '<rootDir>/libs/contracts/src/plain.ts',
    '^@flux/messaging/lean-heap$': '<rootDir>/libs/messaging/src/lean-heap.ts',
    '^@flux/messaging/testing$': '<rootDir>/libs/messaging/src/testing/index.ts',
    '^@flux/api/testing/store-contract$': '<rootDir>/apps/api/src/testing/store-contract/describe-stores.ts',
    '^@flux/(api|worker)/testing$': '<rootDir>/apps/$1/src/testing/index.ts',
    '^@flux/(api|worker|dev-server)$': '<rootDir>/apps/$1/src/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: {
    '\\.ts$': [
      '@swc/jest',
      {
        module: { type: 'es6' },
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
      },
    ],
  },
  transformIgnorePatterns: ['/node_modules/', '/dist/'],
  modulePathIgnorePatterns: ['/dist/'],
};

export default {
  // Much of a test file is waiting for processes: three at a time keep two cores busy, and more than four their servers.
  maxWorkers: Math.min(4, Math.max(3, availableParallelism())),
  // A shared machine may be slow; a test that waits for an event ends as soon as it comes, or says after 30 s what it
  // has waited for.
  testTimeout: 120_000,
  reporters: ['default', '<rootDir>/scripts/totals-reporter.mjs'],
  projects: [
    { ...shared, displayName: 'unit', testMatch: ['<rootDir>/{libs,apps}/*/src/**/*.spec.ts'] },
    {
      ...shared,
      displayName: 'integration',
      testMatch: ['<rootDir>/tests/src/**/*.test.ts'],
      globalSetup: '<rootDir>/tests/dist/support/global-setup.js',
      globalTeardown: '<rootDir>/tests/dist/support/global-teardown.js',
    },
  ],
};
