import { defineStore } from 'pinia'
import { ref } from 'vue'

import { type Layout, api, inTime } from '../api/client'
import type { components } from '../api/schema'

export type DockTab = Layout['dock_tab']
type TableLayout = components['schemas']['TableLayout']
/** Changes that follow each other closely are saved together. */
const SAVED_AFTER = 500
const DEFAULT: Layout = { unlocked: false, rail_pinned: false, dock: 34, dock_open: true, dock_tab: 'positions', inspector: 26, currency: 'USDT', favourites: [], desk: 'chart', desk_depth: true, indicators: [], tables: {} }

type Whole = components['schemas']['LayoutChange']
type Change = Partial<Whole>

/** How the user has arranged the console. The server keeps it, so that it follows its user to every browser. */
export const useLayout = defineStore('layout', () => {
  const layout = ref<Layout>({ ...DEFAULT })
  /** The last change could not be saved; it goes with the next one. */
  const failed = ref(false)
  let pending: Change = {}
  let timer = 0

  async function load(): Promise<void> {
    const { data } = await inTime((signal) => api.GET('/api/account/layout', { signal }))
    if (data) layout.value = data
  }

  /** Save what has changed and nothing else: another window may have changed the rest. */
  async function save(): Promise<void> {
    const body = pending
    pending = {}
    timer = 0
    // A page that is left lets the request go through all the same.
    const { error } = await inTime((signal) => api.PATCH('/api/account/layout', { body: body as Whole, signal, keepalive: true }))
    failed.value = error !== undefined
    if (failed.value) pending = { ...body, ...pending, tables: { ...body.tables, ...pending.tables } }
  }

  function change({ tables = {}, ...changed }: Change): void {
    const kept = Object.entries({ ...layout.value.tables, ...tables }).filter((entry): entry is [string, TableLayout] => entry[1] !== null)
    layout.value = { ...layout.value, ...changed, tables: Object.fromEntries(kept) }
    pending = { ...pending, ...changed, tables: { ...pending.tables, ...tables } }
    window.clearTimeout(timer)
    timer = window.setTimeout(() => void save(), SAVED_AFTER)
  }

  function saveAtOnce(): void {
    if (!timer) return
    window.clearTimeout(timer)
    void save()
  }
  window.addEventListener('pagehide', saveAtOnce)

  /** Arrange the columns of one table; without columns it is as it was made. */
  function arrange(table: string, columns: TableLayout | null): void {
    change({ tables: { [table]: columns } })
  }

  async function reset(): Promise<boolean> {
    window.clearTimeout(timer)
    timer = 0
    pending = {}
    layout.value = { ...DEFAULT }
    const { error } = await inTime((signal) => api.DELETE('/api/account/layout', { signal }))
    return error === undefined
  }

  return { layout, failed, load, change, arrange, reset }
})
