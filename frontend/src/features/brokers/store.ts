import { defineStore } from 'pinia'

import { type Broker, api } from '../../api/client'
import { liveRows } from '../rows'

/** Accounts on exchanges. */
export const useBrokers = defineStore('brokers', () => {
  const { rows, take } = liveRows<Broker>(
    (row) => String(row.number),
    (row) => String(1000 - row.number),
  )

  async function switchTrading(number: number, stop: boolean): Promise<void> {
    const params = { path: { number } }
    if (stop) await api.POST('/api/brokers/{number}/stop', { params })
    else await api.POST('/api/brokers/{number}/resume', { params })
  }

  return { rows, take, switchTrading }
})
