import i18next from 'i18next'
import { initReactI18next } from 'react-i18next'
import activity from '@/text/en/activity.json'
import allowlist from '@/text/en/allowlist.json'
import keys from '@/text/en/keys.json'
import live from '@/text/en/live.json'
import methods from '@/text/en/methods.json'
import nodes from '@/text/en/nodes.json'
import problem from '@/text/en/problem.json'
import security from '@/text/en/security.json'
import session from '@/text/en/session.json'
import shell from '@/text/en/shell.json'
import stepup from '@/text/en/stepup.json'
import ui from '@/text/en/ui.json'

// Every text of the console stands in src/text, one file for each part. A
// second language is a second folder; no component holds a sentence.
export const en = { activity, allowlist, keys, live, methods, nodes, problem, security, session, shell, stepup, ui }

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'ui'
    resources: typeof en
    returnNull: false
  }
}

export const i18n = i18next.createInstance()

void i18n.use(initReactI18next).init({
  lng: 'en',
  fallbackLng: 'en',
  defaultNS: 'ui',
  resources: { en },
  initAsync: false,
  showSupportNotice: false,
  interpolation: { escapeValue: false }, // React escapes
})
