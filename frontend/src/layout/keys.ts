import { onMounted, onUnmounted } from 'vue'
import { useRouter } from 'vue-router'
import { tinykeys } from 'tinykeys'

import { PLACES } from './places'

/** Whoever types into a field, or has a dialog open, is not speaking to the page behind. */
function isBusy(event: KeyboardEvent): boolean {
  const target = event.target instanceof Element ? event.target : null
  return target?.closest('input, textarea, select, [contenteditable=true], dialog, [role=dialog], [role=menu]') !== null
}

/** The keys that work on every page. None of them trades. */
export function useKeys(act: { search: () => void; help: () => void; close: () => void }): void {
  const router = useRouter()
  const unlessBusy = (then: () => void) => (event: KeyboardEvent) => {
    if (isBusy(event)) return
    event.preventDefault()
    then()
  }
  const places = Object.fromEntries(PLACES.map((place) => [`g ${place.key}`, unlessBusy(() => void router.push({ name: place.name }))]))
  let release = (): void => undefined

  onMounted(() => {
    release = tinykeys(window, {
      ...places,
      '/': unlessBusy(act.search),
      'Shift+?': unlessBusy(act.help),
      '?': unlessBusy(act.help),
      Escape: (event) => !isBusy(event) && act.close(),
      '$mod+KeyK': (event) => {
        event.preventDefault()
        act.search()
      },
    })
  })
  onUnmounted(() => release())
}
