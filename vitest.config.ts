/** How the tests run. They import `troupe` by its own name and get the sources. */
import { defineConfig } from 'vitest/config'
import { entries } from './test/entries.ts'

export default defineConfig({
  resolve: {
    alias: [...entries()].map(([name, file]) => ({ find: new RegExp(`^${name}$`), replacement: file })),
  },
  test: {
    include: ['test/**/*.test.ts'],
    // Programs of users, for the compiler and for Node's own test runner.
    exclude: ['test/api/**'],
    testTimeout: 20_000,
    coverage: {
      include: ['src/**', 'actors/**', 'machines/**'],
      reporter: [['text', { skipFull: true }], 'html', 'json-summary'],
    },
  },
})
