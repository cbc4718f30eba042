import eslint from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';
import { plugin as flux } from './scripts/eslint-rules.mjs';

const SPECS = ['**/*.spec.ts', '**/*.test.ts', '**/src/testing/**', 'libs/testing/**/*.ts', 'tests/**/*.ts'];

const forbidden = (names, properties, message) =>
  names.flatMap((object) => properties.map((property) => ({ object, property, message })));

/** Code of the product; tests may write constructors as they like. */
const CLASSES = [
  {
    selector: "[accessibility='private']:not([key.type='Identifier'][kind='constructor'])",
    message: 'Write #name: what is private is so at run time too.',
  },
  {
    selector:
      "ClassDeclaration:not([superClass]) > ClassBody > MethodDefinition[kind='constructor'] > FunctionExpression[params.length>2]:not(:has(Decorator))",
    message: 'Take one object of parts: the third argument is the one that is swapped.',
  },
];
const SPREAD_LITERAL = {
  selector: 'ObjectExpression > SpreadElement > ObjectExpression',
  message: 'Write its properties themselves: a spread of a literal hides where an object ends.',
};

export default defineConfig(
  { ignores: ['**/dist/', '**/bundle/', '**/node_modules/', '**/.flux/', 'coverage/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  eslint.configs.recommended,
  // Node's globals are many, and a missing one shows at the first run.
  { files: ['**/*.{js,mjs}'], rules: { 'no-undef': 'off' } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      // One program over all sources, specs included, with @flux/* read from source: no build is needed.
      parserOptions: { project: './tsconfig.lint.json', tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-deprecated': 'error',
      '@typescript-eslint/no-empty-object-type': ['error', { allowInterfaces: 'with-single-extends' }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // A method may be async because its port is.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/use-unknown-in-catch-callback-variable': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
    },
  },
  {
    plugins: { flux },
    rules: {
      'flux/circles': 'error',
      'flux/layers': 'error',
      'flux/max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'no-restricted-syntax': ['error', SPREAD_LITERAL],
    },
  },
  {
    files: ['libs/*/src/**', 'apps/*/src/**'],
    ignores: ['libs/domain/src/long-timer.ts', ...SPECS],
    rules: { 'flux/long-timers': 'error' },
  },
  {
    files: ['libs/domain/src/**'],
    // The one timer of all packages, which is no decision.
    ignores: ['libs/domain/src/long-timer.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...['process', 'Buffer', 'fetch', 'setTimeout', 'setInterval', 'setImmediate', 'performance'].map(
          (name) => ({ name, message: 'libs/domain is pure: time and the outside are handed in.' }),
        ),
      ],
      'no-restricted-properties': [
        'error',
        ...forbidden(['Date'], ['now'], 'libs/domain is pure: the time is handed in.'),
        ...forbidden(['Math'], ['random'], 'libs/domain is pure: chance is handed in.'),
      ],
    },
  },
  {
    files: ['libs/**/*.ts', 'apps/**/*.ts'],
    ignores: ['**/testing/**', 'libs/testing/**', ...SPECS],
    rules: { 'no-restricted-syntax': ['error', SPREAD_LITERAL, ...CLASSES] },
  },
  {
    files: ['libs/**', 'apps/**'],
    ignores: ['apps/cli/**', ...SPECS],
    rules: { 'no-console': 'error' },
  },
  {
    files: SPECS,
    rules: {
      // What jest's matchers and answers over the wire give is any.
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/unbound-method': 'off',
      'no-restricted-properties': [
        'error',
        ...forbidden(['describe', 'it', 'test'], ['only'], 'It would silence every other test.'),
        ...forbidden(['describe', 'it', 'test'], ['skip'], 'A test runs or it goes.'),
      ],
      'no-restricted-imports': [
        'error',
        {
          paths: [
            {
              name: '@jest/globals',
              importNames: ['fdescribe', 'fit', 'xdescribe', 'xit', 'xtest'],
              message: 'A test runs, and none silences another.',
            },
          ],
        },
      ],
    },
  },
);
