import { onMounted, onUnmounted } from 'vue'
import { useRouter } from 'vue-router'
import { tinykeys } from 'tinykeys'

import { PLACES } from './places'

/** What lies over the page, and is closed by Escape before anything below it. */
const OVER = 'dialog[open], :popover-open, .n-dropdown-menu, .n-dialog'

/** Whoever types into a field, or has something open over the page, is not speaking to the page behind. */
function isBusy(event: KeyboardEvent): boolean {
  const target = event.target instanceof Element ? event.target : null
  return document.querySelector(OVER) !== null || (target?.closest('input, textarea, select, [contenteditable=true]') ?? null) !== null
}

/** What a key does, unless it was meant for something else than the page. */
export const unlessBusy = (then: () => void) => (event: KeyboardEvent): void => {
  if (isBusy(event)) return
  event.preventDefault()
  then()
}

/** The keys that work on every page. None of them trades. */
export function useKeys(act: { search: () => void; help: () => void; close: () => void; stop: () => void; panic: () => void }): void {
  const router = useRouter()
  const places = Object.fromEntries(PLACES.map((place) => [`g ${place.key}`, unlessBusy(() => void router.push({ name: place.name }))]))
  let release = (): void => undefined

  onMounted(() => {
    release = tinykeys(window, {
      ...places,
      '/': unlessBusy(act.search),
      // A French keyboard has it above the colon.
      'Shift+/': unlessBusy(act.search),
      'Shift+?': unlessBusy(act.help),
      '?': unlessBusy(act.help),
      'Shift+S': unlessBusy(act.stop),
      'Shift+P': unlessBusy(act.panic),
      Escape: (event) => !isBusy(event) && act.close(),
      '$mod+KeyK': (event) => {
        event.preventDefault()
        if (!document.querySelector(OVER)) act.search()
      },
    })
  })
  onUnmounted(() => release())
}
