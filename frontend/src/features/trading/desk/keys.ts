import { onMounted, onUnmounted } from 'vue'
import { tinykeys } from 'tinykeys'

import { isBusy } from '../../../layout/keys'

/** The keys of the trading desk: they open the ticket, and send nothing. */
export function useDeskKeys(act: { buy: () => void; sell: () => void }): void {
  const unlessBusy = (then: () => void) => (event: KeyboardEvent) => {
    if (isBusy(event)) return
    event.preventDefault()
    then()
  }
  let release = (): void => undefined
  onMounted(() => {
    release = tinykeys(window, { b: unlessBusy(act.buy), s: unlessBusy(act.sell) })
  })
  onUnmounted(() => release())
}
