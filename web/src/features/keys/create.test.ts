import { expect, it } from 'vitest'
import { ProblemError } from '@/api/problem'
import type { Key } from '@/api/types'
import { body, type Create, type Event, envFile, envName, first, obstacle, reduce } from './create'

const key: Key = {
  id: 'lk_1',
  name: 'bot: 1/eu',
  status: 'inactive',
  permissions: ['read'],
  allowlist: [],
  version: 1,
  createdAt: '2026-03-01T12:00:00.000Z',
  updatedAt: '2026-03-01T12:00:00.000Z',
}

const run = (...events: Event[]): Create => events.reduce(reduce, first)
const form = (...events: Event[]) => {
  const state = run(...events)
  if (state.name === 'secret') throw new Error('no form')
  return state.form
}

it('needs a name, and no invalid address', () => {
  expect(obstacle(form())).toBe('unnamed')
  expect(obstacle(form({ type: 'named', name: '  ' }))).toBe('unnamed')
  expect(obstacle(form({ type: 'named', name: 'a' }, { type: 'listed', texts: ['8.8.8'] }))).toBe('invalid')
  expect(obstacle(form({ type: 'named', name: 'a' }))).toBeNull()
})

it('sends the trimmed name, Read always, and the good entries once', () => {
  const sent = body(
    form(
      { type: 'named', name: ' bot ' },
      { type: 'toggled', permission: 'trade', on: true },
      { type: 'listed', texts: ['8.8.8.8', '8.8.8.8/32'] },
    ),
  )
  expect(sent).toEqual({ name: 'bot', permissions: ['read', 'trade'], allowlist: ['8.8.8.8'] })
})

it('a refused request leaves the form', () => {
  const state = run(
    { type: 'named', name: 'bot' },
    { type: 'saving' },
    { type: 'refused', problem: new ProblemError({ code: 'name_taken' }) },
  )
  expect(state).toMatchObject({ name: 'form', form: { name: 'bot' }, trouble: { code: 'name_taken' } })
})

it('from the step of the secret there is only the tick', () => {
  const secret = run({ type: 'created', key, secret: 'lks_x' })
  expect(secret).toMatchObject({ name: 'secret', secret: 'lks_x', saved: false })
  expect(reduce(secret, { type: 'named', name: 'x' })).toBe(secret)
  expect(reduce(secret, { type: 'opened' })).toBe(secret)
  expect(reduce(secret, { type: 'saved', on: true })).toMatchObject({ saved: true })
})

it('the file has the names that a bot reads', () => {
  expect(envFile(key, 'lks_x', undefined).split('\n').slice(1)).toEqual([
    'LATCHKEY_KEY=lk_1',
    'LATCHKEY_SECRET=lks_x',
    '',
  ])
  expect(envFile(key, 'lks_x', 'https://api.example.com')).toContain('\nLATCHKEY_GATEWAY=https://api.example.com\n')
  expect(envName(key)).toBe('bot-1-eu.env')
  expect(envName({ ...key, name: '///' })).toBe('lk_1.env')
})
