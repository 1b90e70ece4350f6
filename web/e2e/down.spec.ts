import { execFileSync } from 'node:child_process'
import { Demo, program } from './demo'
import { expect, openEdit, pop, row, save, test, tick, toggle } from './fixture'

// A program of its own, because it is killed.

test.describe('a server that is down', () => {
  test.use({ provoked: /ERR_(CONNECTION_REFUSED|CONNECTION_RESET|EMPTY_RESPONSE)/ })

  test('during Save: the console says so, keeps the form, and saves when it is back', async ({ page }) => {
    const own = new Demo()
    try {
      const at = await own.start()
      const operator = (...args: string[]) =>
        JSON.parse(execFileSync(program, [...args, '--data', own.data, '--json'], { encoding: 'utf8' }))
      const post = async (path: string, data: object) => (await page.request.post(at.console + path, { data })).json()
      const sms = async () => {
        const all: { channel: string; code: string }[] = await (await fetch(`${at.inbox}/messages`)).json()
        return all.filter((m) => m.channel === 'sms').map((m) => m.code)
      }
      operator('account', 'create', 'acme')
      const email = 'owner@acme.example'
      const { password } = operator('member', 'add', '--account', 'acme', '--email', email, '--role', 'owner')
      operator('key', 'create', '--account', 'acme', '--name', 'bot-1', '--active')
      await post('/v1/session', { email, password })
      const { id } = await post('/v1/factors', { kind: 'sms', phone: '+35311234567', password })
      await expect.poll(sms).toHaveLength(1)
      await post(`/v1/pending/${id}/confirm`, { code: (await sms())[0] })

      await page.goto(`${at.console}/settings/api-keys`)
      await openEdit(page)
      await toggle(page, 'Trade').check()
      await tick(page).check()
      await own.kill()
      await save(page).click()
      await expect(pop(page)).toContainText('Latchkey cannot be reached. What you entered is kept')
      await expect(toggle(page, 'Trade')).toBeChecked()
      await expect(tick(page)).toBeChecked()

      await own.start()
      await save(page).click()
      await expect(page.getByLabel('Code', { exact: true })).toBeVisible()
      await expect(pop(page)).not.toContainText('cannot be reached')
      await expect(pop(page)).toContainText('edit key bot-1: + Trade')
      await page.getByRole('button', { name: 'Cancel', exact: true }).last().click()
      await expect(row(page)).toContainText('Active')
    } finally {
      await own.end()
    }
  })
})
