import { describe, expect, it } from 'vitest'
import { backwards, cut, exportPath, groups, kindsOf, periodOf, queryOf } from './filter'

const now = Date.parse('2026-03-31T12:00:00Z')

describe('the period', () => {
  it('is 30 days when the URL names none, or none of ours', () => {
    expect(periodOf({})).toBe('month')
    expect(periodOf({ period: 'aeon' })).toBe('month')
    expect(queryOf({}, now)).toEqual({ from: '2026-03-01T12:00:00.000Z' })
  })
  it('has no bounds for all', () => {
    expect(queryOf({ period: 'all', from: '2026-03-01' }, now)).toEqual({})
  })
  it('takes both days whole, in the calendar of the reader', () => {
    const { from, to } = queryOf({ period: 'custom', from: '2026-03-01', to: '2026-03-31' }, now)
    expect(new Date(from ?? '').getTime()).toBe(new Date(2026, 2, 1).getTime())
    expect(new Date(to ?? '').getTime()).toBe(new Date(2026, 3, 1).getTime())
  })
  it('leaves out what is no day', () => {
    expect(queryOf({ period: 'custom', from: 'yesterday', to: '2026-3-1' }, now)).toEqual({})
  })
  it('is backwards only when both days are there and the last is before the first', () => {
    expect(backwards({ period: 'custom', from: '2026-03-02', to: '2026-03-01' })).toBe(true)
    expect(backwards({ period: 'custom', from: '2026-03-02', to: '2026-03-02' })).toBe(false)
    expect(backwards({ period: 'custom', to: '2026-03-02' })).toBe(false)
    expect(backwards({ period: 'week', from: '2026-03-02', to: '2026-03-01' })).toBe(false)
  })
})

describe('the action type', () => {
  it('is one type, a group of them, or all', () => {
    expect(kindsOf('key_edited')).toEqual(['key_edited'])
    expect(kindsOf('keys')).toEqual([
      'key_created',
      'key_edited',
      'key_activated',
      'key_deactivated',
      'key_deleted',
      'key_session_ended',
    ])
    expect(kindsOf(undefined)).toEqual([])
    expect(kindsOf('toString')).toEqual([])
  })
  it('stands in one group', () => {
    const all = groups().flatMap(([, kinds]) => kinds)
    expect(new Set(all).size).toBe(all.length)
  })
})

it('the export selects the same', () => {
  const query = queryOf({ period: 'all', type: 'keys', key: 'lk_1' }, now)
  const url = new URL(exportPath(query), 'http://localhost')
  expect(url.pathname).toBe('/v1/activities.csv')
  expect(url.searchParams.getAll('type')).toEqual(query.type)
  expect(url.searchParams.get('key')).toBe('lk_1')
  expect(exportPath({})).toBe('/v1/activities.csv')
})

it('a long side of a diff is cut where more than one entry would be hidden', () => {
  expect(cut('a, b, c', 2)).toEqual({ text: 'a, b, c', more: 0 })
  expect(cut('a, b, c, d', 2)).toEqual({ text: 'a, b', more: 2 })
})
