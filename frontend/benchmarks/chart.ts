import { createApp, h } from 'vue'
import type { UTCTimestamp } from 'lightweight-charts'

import PriceChart from '../src/features/market/chart/PriceChart.vue'
import type { Bar } from '../src/features/market/chart/bars'
import type { Level, Mark } from '../src/features/market/chart/marks'
import { i18n } from '../src/i18n'
import '../src/style.css'

/** The chart of the desk with 100,000 bars, 500 marks and 20 lines that can be dragged, for `benchmarks/chart.py`. */
const [BARS, MARKS, LINES, MINUTE] = [100_000, 500, 20, 60]

const bars: Bar[] = []
let price = 50_000
for (let n = 0; n < BARS; n += 1) {
  const open = price
  price *= 1 + Math.sin(n * 12.9898) / 1000
  bars.push({ time: (n * MINUTE) as UTCTimestamp, open, close: price, high: Math.max(open, price) + 5, low: Math.min(open, price) - 5, volume: 10 + (n % 17) })
}
const marks: Mark[] = bars.slice(-MARKS * 20).filter((_, n) => n % 20 === 0).map(({ time }, n) => ({ at: time, kind: 'trade', buys: n % 2 === 0, title: 'Buy', tone: 'up' }))
const levels: Level[] = Array.from({ length: LINES }, (_, n) => ({
  id: String(n), price: price + (n - LINES / 2) * 20, title: `line ${n}`, tone: 'blue',
  grip: { tick: '0.01', says: (at) => at, change: () => { throw new Error('nothing is changed here') } },
}))

createApp({ render: () => h(PriceChart, { bars, running: null, decimals: 2, curves: [], levels, marks, label: 'BTC/USDT 1m' }) }).use(i18n).mount('#app')
