import { onMounted, onUnmounted } from 'vue'
import { tinykeys } from 'tinykeys'

import { unlessBusy } from '../../../layout/keys'

/** The keys of the trading desk: they open the ticket, and send nothing. */
export function useDeskKeys(act: { buy: () => void; sell: () => void; depth: () => void }): void {
  let release = (): void => undefined
  onMounted(() => {
    release = tinykeys(window, { b: unlessBusy(act.buy), s: unlessBusy(act.sell), d: unlessBusy(act.depth) })
  })
  onUnmounted(() => release())
}
