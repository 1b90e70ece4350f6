import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

// The program replaces this text in index.html with a fresh nonce for each
// response (see embed.go), so that style-src needs no 'unsafe-inline'.
const nonce = 'NONCE_PLACEHOLDER'

const policy = `default-src 'self'; style-src 'self' 'nonce-${nonce}'; img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`

// `npm run preview` is served under the same policy as the program serves, so
// that a violation shows before the files are built in.
function samePolicy(): Plugin {
  return {
    name: 'same-policy',
    configurePreviewServer(server) {
      server.middlewares.use((_request, response, next) => {
        response.setHeader('Content-Security-Policy', policy)
        next()
      })
    },
  }
}

// Writes which npm packages the built console has something of, as paths in
// package-lock.json, for `make licences` and `make sbom`. What the bundler adds
// by itself has a name such as "\0vite/preload-helper.js".
function packages(): Plugin {
  const inFolder = /^.*?(node_modules\/(?:.*node_modules\/)?(?:@[^/]+\/)?[^/]+)/
  return {
    name: 'packages',
    apply: 'build',
    generateBundle(_options, bundle) {
      const parts = Object.values(bundle).flatMap((part) =>
        part.type === 'chunk' ? part.moduleIds : part.originalFileNames,
      )
      const found = new Set<string>()
      for (const id of [...this.getModuleIds(), ...parts]) {
        const folder = inFolder.exec(id)?.[1]
        const own = /^\0([^/]+)\//.exec(id)?.[1]
        if (folder) found.add(folder)
        else if (own) found.add(`node_modules/${own}`)
      }
      writeFileSync('node_modules/.latchkey-packages', `${[...found].sort().join('\n')}\n`)
    },
  }
}

// Where the management API runs during development: `latchkey demo` by default.
const target = process.env.LATCHKEY_CONSOLE ?? 'http://localhost:8080'
const proxy = Object.fromEntries(
  ['/v1', '/docs', '/openapi.yaml'].map((path) => [path, { target, changeOrigin: true }]),
)

export default defineConfig({
  plugins: [react(), samePolicy(), packages()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  html: { cspNonce: nonce },
  server: { proxy, host: 'localhost' },
  preview: { proxy, host: 'localhost' },
  build: { target: 'es2022', modulePreload: { polyfill: false }, assetsInlineLimit: 0, chunkSizeWarningLimit: 400 },
  test: { environment: 'happy-dom', include: ['src/**/*.test.{ts,tsx}'] },
})
