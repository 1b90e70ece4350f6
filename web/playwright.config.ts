import { defineConfig } from '@playwright/test'

// Against a `latchkey demo` of its own (e2e/demo.ts), or, to work on the tests,
// against one that runs: LATCHKEY_DATA names its folder,
// LATCHKEY_URL the console when it is not the demo's own (`npm run preview`).
export default defineConfig({
  testDir: 'e2e',
  globalSetup: './e2e/demo.ts',
  outputDir: 'e2e/.out/results',
  fullyParallel: false,
  workers: 1,
  timeout: 120_000,
  reporter: 'list',
  retries: 0,
  // The pictures are made apart: they are looked at by people. So are the timers: a
  // Go test plays them against a server whose clock it moves (internal/testenv).
  projects: [
    { name: 'e2e', testIgnore: ['screens.spec.ts', 'timers*.spec.ts'] },
    { name: 'screens', testMatch: 'screens.spec.ts' },
    { name: 'timers', testMatch: 'timers*.spec.ts' },
  ],
  use: {
    baseURL: process.env.LATCHKEY_URL ?? 'http://localhost:8080',
    viewport: { width: 1280, height: 900 },
    locale: 'en-GB',
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
})
