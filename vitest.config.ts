/** How the tests run: two processes at a time, one file each, because an embedded engine owns its directory per process. */
import { configDefaults, defineConfig } from 'vitest/config'
import { SummaryReporter } from './fixtures/servers/summary-reporter.ts'

export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    exclude: [...configDefaults.exclude, 'data/**', '.cache/**'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    globalSetup: ['fixtures/servers/global-setup.ts'],
    reporters: ['default', new SummaryReporter()],
  },
})
