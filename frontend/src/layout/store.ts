import { defineStore } from 'pinia'
import { ref } from 'vue'

import { type Layout, api, inTime } from '../api/client'

export type DockTab = Layout['dock_tab']
/** Changes that follow each other closely are saved together. */
const SAVED_AFTER = 500
export const DEFAULT: Layout = { unlocked: false, rail_pinned: false, dock: 34, dock_open: true, dock_tab: 'positions', inspector: 26, currency: 'USDT', tables: {} }

/** How the user has arranged the console. The server keeps it, so that it follows its user to every browser. */
export const useLayout = defineStore('layout', () => {
  const layout = ref<Layout>({ ...DEFAULT })
  /** The last change could not be saved. */
  const failed = ref(false)
  let timer = 0

  async function load(): Promise<void> {
    const { data } = await inTime((signal) => api.GET('/api/account/layout', { signal }))
    if (data) layout.value = data
  }

  async function save(): Promise<void> {
    const { error } = await inTime((signal) => api.PUT('/api/account/layout', { body: layout.value, signal }))
    failed.value = error !== undefined
  }

  function change(changed: Partial<Layout>): void {
    layout.value = { ...layout.value, ...changed }
    window.clearTimeout(timer)
    timer = window.setTimeout(() => void save(), SAVED_AFTER)
  }

  /** Arrange the columns of one table; without columns it is as it was made. */
  function arrange(table: string, columns: { order: string[]; hidden: string[] } | null): void {
    const others = Object.fromEntries(Object.entries(layout.value.tables).filter(([name]) => name !== table))
    change({ tables: columns ? { ...others, [table]: columns } : others })
  }

  async function reset(): Promise<boolean> {
    window.clearTimeout(timer)
    layout.value = { ...DEFAULT }
    const { error } = await inTime((signal) => api.DELETE('/api/account/layout', { signal }))
    return error === undefined
  }

  return { layout, failed, load, change, arrange, reset }
})
