import '@/lib/i18n'
import '@/mantine.css'
import '@/global.css'
import '@/font.css'
import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core'
import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { I18nextProvider } from 'react-i18next'
import { makeQueryClient } from '@/api/queries'
import { i18n } from '@/lib/i18n'
import { makeRouter } from '@/router'
import { theme, variables } from '@/theme'

// The policy of the page allows only styles with this nonce (see embed.go).
const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? ''
const scheme = localStorageColorSchemeManager({ key: 'latchkey-colours' })
const cache = makeQueryClient()
const router = makeRouter(cache)

const root = document.getElementById('root')
if (!root) throw new Error('index.html has no #root')
createRoot(root).render(
  <StrictMode>
    <I18nextProvider i18n={i18n}>
      <MantineProvider
        theme={theme}
        cssVariablesResolver={variables}
        getStyleNonce={() => nonce}
        colorSchemeManager={scheme}
        defaultColorScheme="auto"
      >
        <QueryClientProvider client={cache}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </MantineProvider>
    </I18nextProvider>
  </StrictMode>,
)
