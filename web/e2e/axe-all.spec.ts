import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from '@playwright/test'

// Which walk judges which view and pop-up, so that none is made without.

/** The address of each view and pop-up, and what its walk calls it. */
const routes = {
  '/sign-in': 'sign-in',
  '/forgot': 'forgotten password',
  '/reset': 'a new password',
  '/setup': 'set-up',
  '/nodes': 'gateway nodes',
  '/': 'no keys', // leads to the keys
  '/settings/api-keys': 'keys',
  new: 'new key',
  '$keyId/edit': 'edit',
  '$keyId/activate': 'activate',
  '$keyId/deactivate': 'deactivate',
  '$keyId/delete': 'delete',
  '$keyId/refused-calls': 'refused calls',
  '$keyId/sessions': 'two sessions',
  '/methods': 'methods',
  '/activities': 'activities',
  '/settings/security': 'security',
  'add-app': 'add an app',
  'add-phone': 'add a phone',
  'add-passkey': 'add a passkey',
  'factors/$factorId/remove': 'remove a factor',
  'recovery-codes': 'recovery codes',
  password: 'password',
}

/** Every file that makes a pop-up; those without an address of their own as well. */
const popups = {
  'activity/RefusedCalls': 'refused calls',
  'keys/ActivateKeyDialog': 'activate',
  'keys/ActivatedDialog': 'the key is active',
  'keys/DeactivateKeyDialog': 'deactivated',
  'keys/DeleteKeyDialog': 'deleted',
  'keys/EditKeyDialog': 'edit with all kinds of entries',
  'keys/LiveSessions': 'two sessions',
  'keys/NewKeyDialog': 'new key',
  'keys/NoFactorDialog': 'no second factor',
  'keys/SecretDialog': 'leaving the secret',
  'keys/WithKey': 'no such key',
  'security/AddAppDialog': 'the QR code',
  'security/AddPasskeyDialog': 'create the passkey',
  'security/AddPhoneDialog': 'add a phone',
  'security/PasswordDialog': 'password',
  'security/RecoveryCodes': 'leaving the recovery codes',
  'security/RecoveryDialog': 'recovery codes',
  'security/RemoveFactorDialog': 'remove a factor',
  'session/SessionLost': 'session lost',
  'stepup/StepUpDialog': 'which factor',
}

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')
const found = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match[1] ?? '')

test('axe judges every view and every pop-up', () => {
  const features = new URL('../src/features/', import.meta.url)
  const files = readdirSync(features, { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.tsx'))
  const making = files.filter((f) => read(`../src/features/${f}`).includes('<Dialog')).map((f) => f.slice(0, -4))
  expect(making.toSorted(), 'files with a pop-up').toEqual(Object.keys(popups).toSorted())
  const paths = found(read('../src/router.tsx'), /\bpath: '([^']+)'/g)
  expect(paths.toSorted(), 'addresses').toEqual(Object.keys(routes).toSorted())

  const specs = readdirSync(new URL('.', import.meta.url)).filter((f) => f.endsWith('.spec.ts'))
  const walks = specs.map((f) => read(f)).join('\n')
  const judged = found(walks, /\blook\(page, '([^']+)'\)/g)
  const missing = [...Object.values(routes), ...Object.values(popups)].filter((what) => !judged.includes(what))
  expect(missing, 'what no walk looks at').toEqual([])
})
