import { type RouteLocation, createRouter, createWebHistory } from 'vue-router'

import { useSession } from './features/people/session/store'

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/away', name: 'away', component: () => import('./layout/AwayPage.vue') },
    { path: '/login', name: 'login', component: () => import('./features/people/session/LoginPage.vue') },
    {
      path: '/',
      component: () => import('./layout/AppLayout.vue'),
      children: [
        { path: '', name: 'dashboard', component: () => import('./features/trading/dashboard/DashboardPage.vue') },
        { path: 'portfolio', name: 'portfolio', component: () => import('./features/trading/portfolio/PortfolioPage.vue') },
        { path: 'trade', name: 'trade', component: () => import('./features/trading/desk/DeskPage.vue') },
        { path: 'symbols', name: 'symbols', component: () => import('./features/trading/symbols/SymbolsPage.vue') },
        { path: 'webhooks', name: 'webhooks', component: () => import('./features/webhooks/WebhooksPage.vue') },
        { path: 'strategies', name: 'strategies', component: () => import('./features/strategies/StrategiesPage.vue') },
        { path: 'alerts', name: 'alerts', component: () => import('./features/platform/alerts/AlertsPage.vue') },
        // Everything that happens has an address, for links in mail and chat: its page, with its story open.
        ...['orders', 'positions', 'webhooks'].map((noun) => ({
          path: `${noun}/:story`,
          redirect: (to: RouteLocation) => ({ name: noun === 'positions' ? 'dashboard' : noun, query: { story: to.params.story } }),
        })),
        { path: 'orders', name: 'orders', component: () => import('./features/trading/trades/OrdersPage.vue') },
        { path: 'conditions', name: 'conditions', component: () => import('./features/platform/conditions/ConditionsPage.vue') },
        { path: 'heartbeat', name: 'heartbeat', component: () => import('./features/market/heartbeat/HeartbeatPage.vue') },
        { path: 'candles', name: 'candles', component: () => import('./features/market/candles/CandlesPage.vue') },
        { path: 'latency', name: 'latency', component: () => import('./features/platform/latency/LatencyPage.vue') },
        { path: 'system', name: 'system', component: () => import('./features/platform/health/SystemPage.vue') },
        {
          path: 'reconciliations', name: 'reconciliations',
          component: () => import('./features/platform/reconciliations/ReconciliationsPage.vue'),
        },
        { path: 'account', name: 'account', component: () => import('./features/people/account/AccountPage.vue') },
        {
          path: 'admin', name: 'admin', meta: { admin: true },
          component: () => import('./features/people/users/AdminPage.vue'),
        },
      ],
    },
    // Seen by developers only: the build leaves it out.
    ...(import.meta.env.DEV ? [{ path: '/design', name: 'design', component: () => import('./design/DesignPage.vue') }] : []),
    { path: '/:rest(.*)*', redirect: '/' },
  ],
})

router.beforeEach(async (to) => {
  const session = useSession()
  if (to.name === 'design') return true
  if (to.name === 'away') return session.away || { name: 'dashboard' }
  await session.restore()
  if (session.away) return { name: 'away', query: { to: to.fullPath } }
  if (to.name !== 'login' && !session.current) return { name: 'login' }
  if (to.name === 'login' && session.current) return { name: 'dashboard' }
  if (to.meta.admin && session.current?.role !== 'admin') return { name: 'dashboard' }
  return true
})
