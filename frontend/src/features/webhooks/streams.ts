import { defineStore } from 'pinia'
import { computed } from 'vue'

import { type WebhookStream, api, inTime } from '../../api/client'
import { liveRows } from '../../live/rows'

export type Decision = 'pause' | 'resume' | 'monitor' | 'close'

/** The streams of alerts: one for each pair, interval and indicator of an account, those heard last first. */
export const useStreams = defineStore('streams', () => {
  const { rows, take } = liveRows<WebhookStream>(
    (row) => row.id,
    (row) => `${row.status === 'critical' ? 1 : 0}${row.last_received_at ?? row.changed_at}`,
    { stays: () => true },
  )
  /** Those that have paused themselves. */
  const critical = computed(() => rows.value.filter((row) => row.status === 'critical'))

  /** Resume all that have paused themselves. Answers whether it was carried out. */
  async function resumeAll(): Promise<boolean> {
    const { error } = await inTime((signal) => api.POST('/api/webhooks/resume', { body: { stream: null }, signal }))
    return error === undefined
  }

  async function decide(stream: WebhookStream, decision: Decision): Promise<boolean> {
    const params = { path: { stream: stream.id } }
    const { error } = await inTime((signal) =>
      decision === 'resume'
        ? api.POST('/api/webhooks/resume', { body: { stream: stream.id }, signal })
        : decision === 'pause'
          ? api.POST('/api/webhooks/streams/{stream}/pause', { params, signal })
          : decision === 'monitor'
            ? api.POST('/api/webhooks/streams/{stream}/monitor', { params, signal })
            : api.POST('/api/webhooks/streams/{stream}/close', { params, signal }),
    )
    return error === undefined
  }

  return { rows, critical, take, resumeAll, decide }
})
