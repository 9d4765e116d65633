import { ref } from 'vue'

import { Live, type Message } from '../api/live'
import { router } from '../router'
import { useAlerts } from './alerts/store'
import { useBrokers } from './brokers/store'
import { useGains } from './gains/store'
import { useHealth } from './health/store'
import { usePositions } from './positions/store'
import { useReconciliations } from './reconciliations/store'
import { useSession } from './session/store'
import { useTrades } from './trades/store'
import { useWebhooks } from './webhooks/store'

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
