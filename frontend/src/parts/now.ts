import { type Ref, onUnmounted, ref } from 'vue'

/** How much the server's clock is ahead of the browser's (milliseconds): ages are told by the server's. */
let offset = 0

/** Take the server's time as it has just come. */
export function setClock(at: string): void {
  offset = Date.parse(at) - Date.now()
}

/** The present moment in milliseconds by the server's clock, as far as it is known. */
export function serverNow(): number {
  return Date.now() + offset
}

/** The same, a second fresh, while a component shows ages. */
export function useNow(): Ref<number> {
  const now = ref(serverNow())
  const ticking = setInterval(() => (now.value = serverNow()), 1000)
  onUnmounted(() => clearInterval(ticking))
  return now
}
