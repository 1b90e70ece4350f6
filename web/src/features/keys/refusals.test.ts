import { expect, it } from 'vitest'
import { lastDay } from './refusals'

const now = Date.parse('2026-03-02T12:00:00Z')
const before = (hours: number) => ({ at: new Date(now - hours * 3_600_000).toISOString() })

it('counts by hour, the newest last, and leaves out what is older than a day', () => {
  const day = lastDay({ items: [before(0.1), before(0.9), before(1), before(23.9), before(24), before(40)] }, now)
  expect(day).toMatchObject({ total: 4, more: false })
  expect([day.hours[23], day.hours[22], day.hours[0]]).toEqual([2, 1, 1])
})

it('says that there are more when a whole page lies within the day', () => {
  expect(lastDay({ items: [before(1)], next: 7 }, now).more).toBe(true)
  expect(lastDay({ items: [before(1), before(30)], next: 7 }, now).more).toBe(false)
})

it('a call of a clock that runs ahead counts as now', () => {
  expect(lastDay({ items: [before(-1)] }, now).hours[23]).toBe(1)
})
