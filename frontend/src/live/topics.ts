import { onScopeDispose, readonly, ref } from 'vue'

/** What the frame shows on every page. */
const ALWAYS = ['health', 'brokers', 'positions', 'trades', 'alerts', 'streams']

const followers = new Map<string, number>(ALWAYS.map((topic) => [topic, 1]))
const topics = ref<string[]>(ALWAYS)
let counting = false

/** The topics that the pages need at the moment: the socket follows these. */
export const followed = readonly(topics)

/** Follow a topic as long as the component that calls this is there. */
export function useTopic(topic: string): void {
  count(topic, 1)
  onScopeDispose(() => count(topic, -1))
}

function count(topic: string, by: number): void {
  followers.set(topic, (followers.get(topic) ?? 0) + by)
  if (counting) return
  counting = true
  // A change of pages gives topics up and takes others: both are told at once.
  setTimeout(() => {
    counting = false
    topics.value = [...followers].flatMap(([one, users]) => (users > 0 ? [one] : []))
  })
}
