import { describe, expect, it } from 'vitest'
import { accepted, judgeEntries, splitEntries } from '@/lib/allowlist'
import { i18n } from '@/lib/i18n'
import { reasonText } from '@/lib/reason'
import shared from '../../../testdata/allowlist.json' // the same file that the Go parser is tested with

type Case = {
  name: string
  paste: string
  entries: { text: string; verdict: string; prefix?: string; covers?: string; reasonContains?: string }[]
}

const cases: Case[] = shared
const t = i18n.getFixedT('en', 'allowlist')

describe('the whitelist reads every case of testdata/allowlist.json as the program does', () => {
  it.each(cases)('$name', ({ paste, entries }) => {
    const judged = judgeEntries(splitEntries(paste))
    const shown = judged.map((e) => ({
      text: e.text,
      verdict: e.verdict,
      prefix: e.prefix,
      covers: e.covers?.toString(),
    }))
    expect(shown).toEqual(entries.map(({ text, verdict, prefix, covers }) => ({ text, verdict, prefix, covers })))
    for (const [i, want] of entries.entries()) {
      const reason = judged[i]?.reason
      expect(reason ? reasonText(t, reason) : '').toContain(want.reasonContains ?? '')
      expect(Boolean(reason)).toBe(Boolean(want.reasonContains))
    }
  })
})

it('a key gets the good entries once each, in canonical form', () => {
  const judged = judgeEntries(splitEntries('8.8.8.8; 8.8.8.8/32, 10.0.0.1 300.1.1.1\n2A00:1450::0001'))
  expect(accepted(judged)).toEqual(['8.8.8.8', '10.0.0.1', '2a00:1450::1'])
})
