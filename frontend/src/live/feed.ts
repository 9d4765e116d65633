import { ref } from 'vue'

import { useBrokers } from '../features/people/brokers/store'
import { useSession } from '../features/people/session/store'
import { useAlerts } from '../features/platform/alerts/store'
import { useHealth } from '../features/platform/health/store'
import { useReconciliations } from '../features/platform/reconciliations/store'
import { useGains } from '../features/trading/gains/store'
import { usePositions } from '../features/trading/positions/store'
import { useTrades } from '../features/trading/trades/store'
import { useWebhooks } from '../features/webhooks/store'
import { router } from '../router'
import { Live, type Message } from './socket'

export const connected = ref(false)
let live: Live | null = null

/** Open the one live socket and hand each topic to its store. */
export function follow(): void {
  if (live) return
  const stores: Record<string, { take: (message: Message) => void }> = {
    webhooks: useWebhooks(),
    trades: useTrades(),
    positions: usePositions(),
    gains: useGains(),
    brokers: useBrokers(),
    alerts: useAlerts(),
    reconciliations: useReconciliations(),
    health: useHealth(),
  }
  live = new Live(
    (message) => stores[message.topic]?.take(message),
    (is) => (connected.value = is),
    () => {
      useSession().current = null
      unfollow()
      void router.push({ name: 'login', query: { ended: '1' } })
    },
  )
  live.start()
}

export function unfollow(): void {
  live?.stop()
  live = null
}
