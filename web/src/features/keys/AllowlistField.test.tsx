import { MantineProvider } from '@mantine/core'
import { cleanup, fireEvent, render, screen, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { useState } from 'react'
import { I18nextProvider } from 'react-i18next'
import { afterEach, expect, it } from 'vitest'
import { i18n } from '@/lib/i18n'
import { AllowlistField } from './AllowlistField'

afterEach(cleanup)

function Field({ from, seen }: { from: string[]; seen: (texts: string[]) => void }) {
  const [texts, setTexts] = useState(from)
  const change = (next: string[]) => {
    seen(next)
    setTexts(next)
  }
  return <AllowlistField texts={texts} onChange={change} mine="9.9.9.9" />
}

function show(...from: string[]) {
  let last = from
  render(
    <I18nextProvider i18n={i18n}>
      <MantineProvider env="test">
        <Field from={from} seen={(texts) => (last = texts)} />
      </MantineProvider>
    </I18nextProvider>,
  )
  return { texts: () => last, input: screen.getByLabelText('Add addresses to the IP whitelist') }
}

const chip = (text: string) => {
  const found = screen.getAllByRole('listitem').find((li) => li.querySelector('code')?.textContent === text)
  if (!found) throw new Error(`no chip ${text}`)
  return found
}

it.each([
  ['a space', ' '],
  ['a semicolon', ';'],
  ['a comma', ','],
  ['Enter', '{Enter}'],
])('typing %s makes a chip', async (_name, end) => {
  const { texts, input } = show()
  await userEvent.type(input, `8.8.8.8${end}1.1.1.1`)
  expect(texts()).toEqual(['8.8.8.8'])
  expect(input).toHaveProperty('value', '1.1.1.1')
  fireEvent.blur(input) // what was typed must not be lost on the way to Save
  expect(texts()).toEqual(['8.8.8.8', '1.1.1.1'])
})

it('a paste with new lines is split although the field has one line', async () => {
  const { texts, input } = show('8.8.8.8')
  await userEvent.type(input, '7.7.7.7')
  await userEvent.paste('1.1.1.1\n2.2.2.2\r\n3.3.3.3')
  expect(texts()).toEqual(['8.8.8.8', '7.7.7.7', '1.1.1.1', '2.2.2.2', '3.3.3.3'])
})

it('each chip says what it means', () => {
  show('8.8.8.8', '8.8.8.8', '9.9.9.0/24', '10.0.0.1', '300.1.1.1')
  expect(chip('9.9.9.0/24').textContent).toContain('256 addresses')
  expect(chip('10.0.0.1').textContent).toContain('private')
  expect(chip('300.1.1.1').textContent).toContain('invalid')
  expect(screen.getAllByText('duplicate')).toHaveLength(1)
  expect(screen.getByText(/not an IPv4 or IPv6 address/)).toBeTruthy()
  expect(screen.getByText(/never matches a client from outside/)).toBeTruthy()
})

it('chips are removed one by one, or what cannot be used at once', async () => {
  const { texts } = show('8.8.8.8', '8.8.8.8', '300.1.1.1', '1.1.1.1')
  await userEvent.click(screen.getByRole('button', { name: 'Remove 2 duplicate or invalid entries' }))
  expect(texts()).toEqual(['8.8.8.8', '1.1.1.1'])
  await userEvent.click(within(chip('8.8.8.8')).getByRole('button'))
  expect(texts()).toEqual(['1.1.1.1'])
})

it('set bits behind a prefix are mended by one click', async () => {
  const { texts } = show('9.9.9.1/24')
  await userEvent.click(screen.getByRole('button', { name: 'Use 9.9.9.0/24' }))
  expect(texts()).toEqual(['9.9.9.0/24'])
})

it('my current address is offered until it stands there', async () => {
  const { texts } = show()
  expect(screen.getByText('The whitelist is empty: the key works from any IP address.')).toBeTruthy()
  await userEvent.click(screen.getByRole('button', { name: 'Add my current address (9.9.9.9)' }))
  expect(texts()).toEqual(['9.9.9.9'])
  expect(screen.queryByRole('button', { name: /my current address/ })).toBeNull()
})
