import { join } from 'node:path';

// Tests of the command line and of native programs keep what they compile here, not in the user's cache.
process.env.CORTEXC_CACHE ??= join(import.meta.dirname, '.cache', 'cortexc');

/** @type {import('jest').Config} */
export default {
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  testMatch: ['<rootDir>/{src,tests,bench,conformance,examples,scripts}/**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/build/', '<rootDir>/tmp/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { target: 'es2022', parser: { syntax: 'typescript' }, transform: { verbatimModuleSyntax: true } },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  cacheDirectory: '<rootDir>/.cache/jest',
  collectCoverageFrom: ['src/**/*.ts', '!**/*.test.ts'],
  coverageDirectory: 'coverage',
  testTimeout: 60_000,
  maxWorkers: 2,
  // Modules of WebAssembly and of the shim hold mappings, of which Linux gives a process 65,530: after a suite, a worker whose heap has grown makes room for a new one.
  workerIdleMemoryLimit: 150 * 2 ** 20,
};
