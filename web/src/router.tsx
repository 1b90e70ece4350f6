import type { QueryClient } from '@tanstack/react-query'
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  notFound,
  Outlet,
  redirect,
} from '@tanstack/react-router'
import { armGate } from '@/api/gate'
import { sessionQuery } from '@/api/queries'
import type { WhoAmI } from '@/api/types'
import { Broken, Missing, Waiting } from '@/Fallback'
import type { Filter as ActivityFilter } from '@/features/activity/filter'
import { Shell } from '@/Shell'

// Every view and pop-up has its address here, and nowhere else do features
// meet. A pop-up is a child of the page below it.

type Context = { cache: QueryClient }
type Any = Record<string, unknown>
const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)

const root = createRootRouteWithContext<Context>()({ component: Outlet })

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: (search: Any): { to?: string | undefined } => ({ to: text(search.to) }),
  component: lazyRouteComponent(() => import('@/features/session/SignInPage'), 'SignInPage'),
})

const forgot = createRoute({
  getParentRoute: () => root,
  path: '/forgot',
  component: lazyRouteComponent(() => import('@/features/session/ForgotPage'), 'ForgotPage'),
})
// These two have their token behind "#", which no server and no proxy sees.
const reset = createRoute({
  getParentRoute: () => root,
  path: '/reset',
  component: lazyRouteComponent(() => import('@/features/session/ResetPage'), 'ResetPage'),
})
const setUp = createRoute({
  getParentRoute: () => root,
  path: '/setup',
  component: lazyRouteComponent(() => import('@/features/session/SetUpPage'), 'SetUpPage'),
})
// The operator's page: no member's session opens it. Its token is behind "#", too.
const nodes = createRoute({
  getParentRoute: () => root,
  path: '/nodes',
  component: lazyRouteComponent(() => import('@/features/nodes/NodesPage'), 'NodesPage'),
})

/** Everything behind the door. `pending` is the confirmation that is open over a form. */
const app = createRoute({
  getParentRoute: () => root,
  id: 'app',
  validateSearch: (search: Any): { pending?: string | undefined } => ({ pending: text(search.pending) }),
  beforeLoad: async ({ context, location }): Promise<{ me: WhoAmI }> => {
    const me = await context.cache.ensureQueryData(sessionQuery)
    if (!me?.session.full) throw redirect({ to: '/sign-in', search: { to: location.href } })
    armGate()
    return { me }
  },
  component: Shell,
})

/** A page that a sub-user's console does not have. The API refuses and records what is tried all the same. */
const ownerOnly = ({ context }: { context: { me: WhoAmI } }) => {
  if (context.me.member.role !== 'owner') throw notFound()
}

const start = createRoute({
  getParentRoute: () => app,
  path: '/',
  beforeLoad: ({ context }) => {
    throw redirect({
      to: context.me.member.role === 'owner' ? '/settings/api-keys' : '/settings/security',
      replace: true,
    })
  },
})

const keys = createRoute({
  getParentRoute: () => app,
  path: '/settings/api-keys',
  beforeLoad: ownerOnly,
  component: lazyRouteComponent(() => import('@/features/keys/KeysPage'), 'KeysPage'),
})

const newKey = createRoute({
  getParentRoute: () => keys,
  path: 'new',
  component: lazyRouteComponent(() => import('@/features/keys/NewKeyDialog'), 'NewKeyDialog'),
})
const editKey = createRoute({
  getParentRoute: () => keys,
  path: '$keyId/edit',
  component: lazyRouteComponent(() => import('@/features/keys/EditKeyDialog'), 'EditKeyDialog'),
})
const activateKey = createRoute({
  getParentRoute: () => keys,
  path: '$keyId/activate',
  component: lazyRouteComponent(() => import('@/features/keys/ActivateKeyDialog'), 'ActivateKeyDialog'),
})
const deactivateKey = createRoute({
  getParentRoute: () => keys,
  path: '$keyId/deactivate',
  component: lazyRouteComponent(() => import('@/features/keys/DeactivateKeyDialog'), 'DeactivateKeyDialog'),
})
const deleteKey = createRoute({
  getParentRoute: () => keys,
  path: '$keyId/delete',
  component: lazyRouteComponent(() => import('@/features/keys/DeleteKeyDialog'), 'DeleteKeyDialog'),
})
const refusedCalls = createRoute({
  getParentRoute: () => keys,
  path: '$keyId/refused-calls',
  component: lazyRouteComponent(() => import('@/features/activity/RefusedCalls'), 'RefusedCalls'),
})
const liveSessions = createRoute({
  getParentRoute: () => keys,
  path: '$keyId/sessions',
  component: lazyRouteComponent(() => import('@/features/keys/LiveSessions'), 'LiveSessions'),
})

const methods = createRoute({
  getParentRoute: () => app,
  path: '/methods',
  validateSearch: (
    search: Any,
  ): { q?: string | undefined; permission?: string | undefined; method?: string | undefined } => ({
    q: text(search.q),
    permission: text(search.permission),
    method: text(search.method),
  }),
  component: lazyRouteComponent(() => import('@/features/methods/MethodsPage'), 'MethodsPage'),
})

const activities = createRoute({
  getParentRoute: () => app,
  path: '/activities',
  validateSearch: (search: Any): ActivityFilter => ({
    period: text(search.period),
    from: text(search.from),
    to: text(search.to),
    type: text(search.type),
    key: text(search.key),
  }),
  beforeLoad: ownerOnly,
  component: lazyRouteComponent(() => import('@/features/activity/ActivityPage'), 'ActivityPage'),
})

const security = createRoute({
  getParentRoute: () => app,
  path: '/settings/security',
  component: lazyRouteComponent(() => import('@/features/security/SecurityPage'), 'SecurityPage'),
})

const addApp = createRoute({
  getParentRoute: () => security,
  path: 'add-app',
  component: lazyRouteComponent(() => import('@/features/security/AddAppDialog'), 'AddAppDialog'),
})
const addPhone = createRoute({
  getParentRoute: () => security,
  path: 'add-phone',
  component: lazyRouteComponent(() => import('@/features/security/AddPhoneDialog'), 'AddPhoneDialog'),
})
const addPasskey = createRoute({
  getParentRoute: () => security,
  path: 'add-passkey',
  component: lazyRouteComponent(() => import('@/features/security/AddPasskeyDialog'), 'AddPasskeyDialog'),
})
const removeFactor = createRoute({
  getParentRoute: () => security,
  path: 'factors/$factorId/remove',
  component: lazyRouteComponent(() => import('@/features/security/RemoveFactorDialog'), 'RemoveFactorDialog'),
})
const recoveryCodes = createRoute({
  getParentRoute: () => security,
  path: 'recovery-codes',
  component: lazyRouteComponent(() => import('@/features/security/RecoveryDialog'), 'RecoveryDialog'),
})
const password = createRoute({
  getParentRoute: () => security,
  path: 'password',
  component: lazyRouteComponent(() => import('@/features/security/PasswordDialog'), 'PasswordDialog'),
})

const tree = root.addChildren([
  signIn,
  forgot,
  reset,
  setUp,
  nodes,
  app.addChildren([
    start,
    keys.addChildren([newKey, editKey, activateKey, deactivateKey, deleteKey, refusedCalls, liveSessions]),
    methods,
    activities,
    security.addChildren([addApp, addPhone, addPasskey, removeFactor, recoveryCodes, password]),
  ]),
])

export function makeRouter(cache: QueryClient) {
  return createRouter({
    routeTree: tree,
    context: { cache },
    defaultPreload: 'intent',
    defaultPreloadStaleTime: 0,
    defaultPendingMs: 60,
    defaultPendingMinMs: 0,
    defaultPendingComponent: Waiting,
    defaultNotFoundComponent: Missing,
    defaultErrorComponent: Broken,
    scrollRestoration: false,
  })
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeRouter>
  }
  // How a pop-up was opened: from the page below it, so that closing is one step back.
  interface HistoryState {
    over?: boolean
    edited?: boolean // the pop-up before has changed the key
  }
}
