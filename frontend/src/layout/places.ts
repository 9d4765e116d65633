/** The pages of the console, as the rail groups them. `key` follows a `g` on the keyboard, `icon` is a path of 16 × 16. */
export interface Place {
  name: string
  group: 'trade' | 'automate' | 'review' | 'settings'
  key: string
  icon: string
  admin?: boolean
}

export const PLACES: Place[] = [
  { name: 'dashboard', group: 'trade', key: 'd', icon: 'M2 2h5v7H2zM9 2h5v4H9zM9 8h5v6H9zM2 11h5v3H2z' },
  { name: 'trade', group: 'trade', key: 't', icon: 'M2 12.5V9h3v3.5zM6.5 12.5V5h3v7.5zM11 12.5V2h3v10.5zM1 14.5h14' },
  { name: 'portfolio', group: 'trade', key: 'p', icon: 'M2 5h12v8H2zM5.5 5V3h5v2M2 8.5h12' },
  { name: 'symbols', group: 'trade', key: 'y', icon: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.5 10.5 14 14M5 7h4M7 5v4' },
  { name: 'heartbeat', group: 'trade', key: 'h', icon: 'M8 13.5 2.8 8.4a3.3 3.3 0 0 1 4.7-4.7l.5.5.5-.5a3.3 3.3 0 0 1 4.7 4.7z' },
  { name: 'candles', group: 'trade', key: 'k', icon: 'M4 2v2M4 11v3M2.5 4h3v7h-3zM11.5 1v3M11.5 12v2.5M10 4h3v8h-3z' },
  { name: 'webhooks', group: 'automate', key: 'w', icon: 'M9 1 3 9h4l-1 6 7-9H8z' },
  { name: 'strategies', group: 'automate', key: 'x', icon: 'M5.5 4 1.5 8l4 4M10.5 4l4 4-4 4M9 2.5 7 13.5' },
  { name: 'conditions', group: 'automate', key: 'c', icon: 'M2 4h2M2 8h2M2 12h2M6.5 4H14M6.5 8H14M6.5 12H14' },
  { name: 'orders', group: 'review', key: 'o', icon: 'M3 2h10v12H3zM5.5 5.5h5M5.5 8h5M5.5 10.5h3' },
  { name: 'alerts', group: 'review', key: 'a', icon: 'M3.5 11.5V7a4.5 4.5 0 0 1 9 0v4.5l1 1h-11zM6.5 14h3' },
  { name: 'reconciliations', group: 'review', key: 'r', icon: 'M2 8a6 6 0 0 1 10-4.5L14 5M14 2v3h-3M14 8a6 6 0 0 1-10 4.5L2 11M2 14v-3h3' },
  { name: 'latency', group: 'review', key: 'l', icon: 'M8 2.5a6 6 0 1 0 6 6M8 5v3.5l2.5 1.5M10.5 2h3v3' },
  { name: 'account', group: 'settings', key: 'm', icon: 'M8 8a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2 14c0-3 2.5-4.5 6-4.5s6 1.5 6 4.5' },
  { name: 'system', group: 'settings', key: 's', icon: 'M1.5 8.5h3l2-5 3 9 2-4h3' },
  { name: 'admin', group: 'settings', key: 'u', icon: 'M8 1.5 13.5 4v4c0 3-2.5 5.5-5.5 6.5C5 13.5 2.5 11 2.5 8V4z', admin: true },
]
