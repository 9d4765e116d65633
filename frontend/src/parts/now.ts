import { type Ref, onUnmounted, ref } from 'vue'

/** The present moment in milliseconds, a second fresh, while a component shows ages. */
export function useNow(): Ref<number> {
  const now = ref(Date.now())
  const ticking = setInterval(() => (now.value = Date.now()), 1000)
  onUnmounted(() => clearInterval(ticking))
  return now
}
