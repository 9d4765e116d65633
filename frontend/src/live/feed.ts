import { reactive, watch } from 'vue'

import { useBrokers } from '../features/people/brokers/store'
import { depart } from '../features/people/session/departure'
import { useAlerts } from '../features/platform/alerts/store'
import { useConditions } from '../features/platform/conditions/store'
import { useHealth } from '../features/platform/health/store'
import { useCandles } from '../features/market/candles/store'
import { useHeartbeat, useRawStream } from '../features/market/heartbeat/store'
import { useReconciliations } from '../features/platform/reconciliations/store'
import { useGains } from '../features/trading/gains/store'
import { usePortfolio } from '../features/trading/portfolio/store'
import { usePositions } from '../features/trading/positions/store'
import { useExecuted } from '../features/trading/trades/executed'
import { useDepth } from '../features/trading/desk/depth'
import { useStrategies } from '../features/strategies/store'
import { useTrades } from '../features/trading/trades/store'
import { useWebhooks } from '../features/webhooks/store'
import { useStreams } from '../features/webhooks/streams'
import { router } from '../router'
import { type Hearer, Live, type Message, type Place } from './socket'
import { followed } from './topics'

/** Whether the socket stands, and when it last told anything at all, and data (milliseconds). */
export const connection = reactive({ connected: false, crowded: false, heardAt: Date.now(), dataAt: Date.now() })
let live: Live | null = null
/** The market whose depth is looked at, also while the socket is away. */
let place: Place | null = null

/** Open the one live socket and hand each topic to its store. */
export function follow(): void {
  if (live) return
  const stores: Record<string, { take: (message: Message) => void }> = {
    webhooks: useWebhooks(),
    streams: useStreams(),
    trades: both(useTrades(), useExecuted()),
    positions: usePositions(),
    gains: useGains(),
    portfolio: usePortfolio(),
    brokers: useBrokers(),
    alerts: useAlerts(),
    reconciliations: useReconciliations(),
    conditions: useConditions(),
    health: useHealth(),
    heartbeat: useHeartbeat(),
    raw: useRawStream(),
    candles: useCandles(),
    strategies: useStrategies(),
    depth: useDepth(),
  }
  connection.heardAt = connection.dataAt = Date.now()
  const hearer: Hearer = {
    take: (message) => {
      connection.dataAt = Date.now()
      stores[message.topic]?.take(message)
    },
    heard: () => {
      connection.heardAt = Date.now()
      connection.crowded = false
    },
    crowded: () => (connection.crowded = true),
    connected: (is) => (connection.connected = is),
    loggedOut: () => {
      unfollow()
      depart({ ended: '1', to: router.currentRoute.value.fullPath })
    },
  }
  live = new Live(hearer, [...followed.value])
  live.start()
  live.look(place)
}

/** Look at the depth of one market, or at none. */
export function lookAt(at: Place | null): void {
  place = at
  live?.look(at)
}

watch(followed, (topics) => live?.follow([...topics]))

/** Orders and trades are two views of the same rows. */
function both(...stores: { take: (message: Message) => void }[]) {
  return { take: (message: Message) => stores.forEach((store) => store.take(message)) }
}

export function unfollow(): void {
  live?.stop()
  live = null
}
