import { mkdirSync, rmSync } from 'node:fs'
import { expect, type Page, test } from '@playwright/test'
import { faults, tooWide } from './fixture'
import { door } from './screens/door'
import { changeKey, endKey, firstKey, manyKeys } from './screens/keys'
import { live } from './screens/live'
import { nodes } from './screens/nodes'
import { security } from './screens/security'
import { ended, silent, trouble } from './screens/trouble'
import { views } from './screens/views'

// Walks through every view and pop-up and takes its picture at 1280 and 375 px,
// light and dark; what scrolls is taken at its end too. `make screenshots` makes
// them; they are looked at by people. What a machine can judge is judged here:
// axe at the width of a phone (axe.spec.ts has the other one), nothing wider than the screen.

const out = 'e2e/.out/screens'
const widths = [
  { width: 1280, height: 860 },
  { width: 375, height: 740 },
]
const walks = { door, firstKey, changeKey, manyKeys, endKey, trouble, silent, ended, views, live, security, nodes }

test.use({ actionTimeout: 20_000 })

for (const [walk, run] of Object.entries(walks)) {
  test(`every picture of ${walk}`, async ({ page }) => {
    test.setTimeout(300_000)
    rmSync(`${out}/${walk}`, { recursive: true, force: true })
    const thrown: string[] = []
    page.on('pageerror', (error) => thrown.push(String(error)))
    let n = 0
    await run(page, async (name, only) => {
      const number = String(++n).padStart(2, '0')
      for (const size of widths.filter(({ width }) => !only || width === only)) {
        await page.setViewportSize(size)
        await take(page, `${out}/${walk}/${size.width}`, `${number}-${name}`)
      }
      await page.setViewportSize({ width: 1280, height: 860 })
    })
    expect(thrown).toEqual([])
  })
}

async function take(page: Page, folder: string, name: string) {
  for (const colorScheme of ['light', 'dark'] as const) {
    const path = `${folder}-${colorScheme}`
    mkdirSync(path, { recursive: true })
    await page.emulateMedia({ colorScheme })
    await expect(page.locator('html')).toHaveAttribute('data-mantine-color-scheme', colorScheme)
    await page.waitForTimeout(300) // what rose has risen, colours have come to rest
    const inPage = (await page.locator('dialog[open]').count()) === 0
    if (inPage) await page.evaluate(() => scrollTo(0, 0))
    await page.screenshot({ path: `${path}/${name}.png`, fullPage: inPage })
    const was = inPage ? undefined : await toEnd(page)
    if (was === undefined) continue
    await page.screenshot({ path: `${path}/${name}-end.png` })
    await scroll(page, was)
  }
  const narrow = (page.viewportSize()?.width ?? 0) < 500
  expect.soft(await (narrow ? faults(page) : tooWide(page)), name).toEqual([])
}

/** Scrolls the topmost pop-up to its end; where it was, when there was more to see. */
async function toEnd(page: Page): Promise<number | undefined> {
  const was = await scroll(page, 100_000)
  return was.top + 8 < was.end ? was.top : undefined
}

function scroll(page: Page, to: number): Promise<{ top: number; end: number }> {
  return page.evaluate((y) => {
    const body = [...document.querySelectorAll('dialog[open]')].at(-1)?.children[1]
    if (!body) return { top: 0, end: 0 }
    const top = body.scrollTop
    body.scrollTop = y
    return { top, end: body.scrollHeight - body.clientHeight }
  }, to)
}
