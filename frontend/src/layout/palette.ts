import { computed } from 'vue'
import { useI18n } from 'vue-i18n'
import { useRoute, useRouter } from 'vue-router'

import { useSession } from '../features/people/session/store'
import { usePositions } from '../features/trading/positions/store'
import { useTrades } from '../features/trading/trades/store'
import { useOrderWords } from '../features/trading/trades/words'
import { contains } from '../parts/table/columns'
import { shown } from '../preferences'
import { quantity } from '../words/format'
import { PLACES } from './places'
import { useLayout } from './store'

export interface Entry {
  key: string
  group: string
  title: string
  act: () => void
}

const MOST = 16
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** What the command palette offers for a text: pages, what is held and ordered, settings, and anything by its id. */
export function usePalette() {
  const { t, locale } = useI18n()
  const router = useRouter()
  const route = useRoute()
  const session = useSession()
  const positions = usePositions()
  const trades = useTrades()
  const layout = useLayout()
  const { size } = useOrderWords()

  const open = (story: string) => () => void router.push({ query: { ...route.query, story } })

  const pages = computed<Entry[]>(() =>
    PLACES.filter((place) => !place.admin || session.current?.role === 'admin').map((place) => ({
      key: place.name, group: t('palette.pages'), title: t(`nav.${place.name}`), act: () => void router.push({ name: place.name }),
    })),
  )
  const money = computed<Entry[]>(() => [
    ...positions.rows.map((row) => ({
      key: row.id, group: t('dock.positions'), title: `${row.symbol} · ${quantity(row.held)}`, act: open(row.id),
    })),
    ...trades.open.map((row) => ({
      key: row.id, group: t('dock.open'), title: `${t(`sides.${row.side}`)} ${row.symbol} · ${size(row)}`, act: open(row.id),
    })),
  ])
  const settings = computed<Entry[]>(() => [
    { key: 'language', group: t('palette.settings'), title: t('bar.other_language'), act: () => void session.prefer({ language: locale.value === 'fr' ? 'en' : 'fr' }) },
    { key: 'theme', group: t('palette.settings'), title: t(shown.theme === 'dark' ? 'bar.light' : 'bar.dark'), act: () => void session.prefer({ theme: shown.theme === 'dark' ? 'light' : 'dark' }) },
    { key: 'lock', group: t('palette.settings'), title: t(layout.layout.unlocked ? 'layout.lock' : 'layout.unlock'), act: () => layout.change({ unlocked: !layout.layout.unlocked }) },
  ])

  function found(text: string): Entry[] {
    const id = text.trim()
    if (ID.test(id)) return [{ key: id, group: t('palette.by_id'), title: t('palette.open_id', { id }), act: open(id.toLowerCase()) }]
    return [...pages.value, ...settings.value, ...money.value].filter((entry) => contains(text, [entry.title])).slice(0, MOST)
  }

  return { found }
}
