import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { expect, it } from 'vitest'

// The layers of the console: lib and ui know nothing of the business, api
// knows lib and ui, features know those and not each other. Only the router
// and the shell join them.

const root = join(process.cwd(), 'src')
const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((f) => /\.(ts|tsx)$/.test(f) && !f.endsWith('schema.d.ts'))
  .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))

/** What each layer may import of ours. stepup is the one feature that others use: every operation asks for its proof. */
const may: Record<string, string[]> = {
  lib: ['lib', 'text'],
  ui: ['ui', 'lib'],
  api: ['api', 'lib', 'ui'],
}

function layer(path: string): string {
  const [first = '', second = ''] = path.split('/')
  return first === 'features' ? `features/${second}` : first
}

function imports(file: { path: string; text: string }): string[] {
  const found = file.text.matchAll(/(?:from|import)\s*\(?\s*'(@\/|\.{1,2}\/)([^']+)'/g)
  return [...found].map(([, kind, rest]) =>
    kind === '@/' ? `${rest}` : relative(root, join(root, file.path, '..', `${kind}${rest}`)),
  )
}

it('every file imports only what its layer may', () => {
  const wrong: string[] = []
  for (const file of files) {
    const own = layer(file.path)
    if (file.path.endsWith('.test.ts') || file.path.endsWith('.test.tsx') || !file.path.includes('/')) continue
    const allowed = may[own] ?? [own, 'features/stepup', 'api', 'lib', 'ui']
    for (const target of imports(file)) {
      if (!allowed.includes(layer(target)) && !target.startsWith('..')) wrong.push(`${file.path} imports ${target}`)
    }
  }
  expect(wrong).toEqual([])
})

it('no file is longer than 300 lines, and none only hands on', () => {
  const long = files.filter((f) => f.text.split('\n').length > 301).map((f) => f.path)
  const barrels = files.filter((f) => /^export (\*|\{[^}]*\}) from/m.test(f.text)).map((f) => f.path)
  expect({ long, barrels }).toEqual({ long: [], barrels: [] })
})
