import { reactive, watchEffect } from 'vue'

import type { Preferences } from './api/client'
import { type Language, speak } from './i18n'
import type { Theme } from './theme'

const KEY = 'aristobot.shown'

/** How the console shows things: the account's own choice, remembered here for the next visit's first paint. */
export const shown = reactive<{ theme: Theme; zone: 'UTC' | 'local'; colours: string }>({
  theme: 'dark',
  zone: 'UTC',
  colours: 'green_up',
  ...(JSON.parse(localStorage.getItem(KEY) ?? '{}') as object),
})

watchEffect(() => {
  document.documentElement.dataset.theme = shown.theme
  document.documentElement.dataset.colours = shown.colours
  localStorage.setItem(KEY, JSON.stringify(shown))
})

/** Show things as the account prefers; one that has never chosen is spoken to in the browser's language. */
export function show(preferences: Preferences, chosen: boolean): void {
  if (chosen) speak(preferences.language as Language)
  shown.theme = preferences.theme as Theme
  shown.zone = preferences.time_zone as 'UTC' | 'local'
  shown.colours = preferences.colours
}
