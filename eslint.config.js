/** What is checked beyond types: rules that find mistakes, the directions of imports, and the size of files. Layout is Prettier's. */
import tseslint from 'typescript-eslint'
import { importDirections } from './eslint.imports.js'

export default tseslint.config(
  { ignores: ['node_modules/', 'data/', '.cache/', 'coverage/', 'api/dashboard/', 'examples/'] },
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    plugins: { callhouse: { rules: { 'import-directions': importDirections } } },
    rules: {
      'callhouse/import-directions': 'error',
      'max-lines': ['error', 400],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'Name what you export; only Fastify plugins are default exports.' },
      ],
      eqeqeq: 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', destructuredArrayIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true, allowNullish: true }],
      '@typescript-eslint/restrict-plus-operands': ['error', { allowNumberAndString: true }],
      // With noUncheckedIndexedAccess, `!` is how one says that an index is inside.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // Kysely's callbacks are made to be taken apart: ({ eb, ref }) => …
      '@typescript-eslint/unbound-method': 'off',
      // `(x) => void (y = x)` and `() => done()` say what they mean; a function that implements an async interface need not await.
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-meaningless-void-operator': 'off',
      // It takes a flag that another callback sets during an await for a constant.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['**/*.ts'],
    ignores: ['config.ts', '*.config.ts', '**/*.test.ts', '**/*.suite.ts', 'fixtures/**', 'benchmarks/**'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Only config.ts reads the environment; take a setting as an argument.' },
      ],
    },
  },
  {
    // Tests look into answers of any shape; a wrong guess fails the test.
    files: ['**/*.test.ts', '**/*.suite.ts', 'benchmarks/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/only-throw-error': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
    },
  },
  {
    // Time and chance come from the world, or a seed does not replay.
    files: ['simulation/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-globals': ['error', 'setTimeout', 'setInterval', 'performance', 'crypto', 'fetch'],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'Ask the process or the world what time it is.' },
        { object: 'Math', property: 'random', message: 'Draw from the world, or the seed does not replay.' },
        { object: 'process', property: 'env', message: 'A schedule depends on its seed and on nothing else.' },
      ],
      'no-restricted-imports': ['error', { paths: ['node:crypto', 'node:timers', 'node:timers/promises'] }],
    },
  },
  { files: ['*.config.{ts,js}'], rules: { 'no-restricted-syntax': 'off' } },
  { files: ['**/*.js', '**/*.mjs'], extends: [tseslint.configs.disableTypeChecked] },
)
