import { expect, faults, type Locator, type Page } from './fixture'

// The steps of the walks that axe judges.

/**
 * Judges what is on the screen: by every rule in light, and in dark by those
 * that colours can break. All faults of a walk are told, not only the first.
 */
export async function look(page: Page, what: string): Promise<void> {
  await page.emulateMedia({ colorScheme: 'light' })
  expect.soft(await faults(page), `${what}, light`).toEqual([])
  await page.emulateMedia({ colorScheme: 'dark' })
  await expect(page.locator('html')).toHaveAttribute('data-mantine-color-scheme', 'dark')
  expect.soft(await faults(page, ['color-contrast', 'link-in-text-block']), `${what}, dark`).toEqual([])
}

export const button = (page: Page, name: string): Locator => page.getByRole('button', { name, exact: true })

export const field = (page: Page): Locator => page.getByLabel('Code', { exact: true })

/** Goes to a view or a pop-up by its address and waits for its heading. */
export async function go(page: Page, path: string, heading: string | RegExp): Promise<void> {
  await page.goto(path)
  await expect(page.getByRole('heading', { name: heading }).last()).toBeVisible()
  await expect(page.getByLabel('Loading')).toHaveCount(0)
}
