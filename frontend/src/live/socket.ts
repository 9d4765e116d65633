/** The live socket: snapshots and numbered changes. A gap in the numbers asks for a new snapshot. */

export interface Message {
  topic: string
  kind: 'snapshot' | 'changes'
  sequence: number
  items: unknown[]
}

type Take = (message: Message) => void
const PAUSES = [0, 0, 0, 1000, 2000, 4000, 8000]
export const NOT_LOGGED_IN = 4401

/** Decides what a message means for one topic: take it, ignore an old one, or ask for a snapshot. */
export function verdict(last: number, message: Message): 'take' | 'resync' | 'ignore' {
  if (message.kind === 'snapshot') return 'take'
  if (message.sequence === last + 1) return 'take'
  return message.sequence <= last ? 'ignore' : 'resync'
}

export class Live {
  private socket: WebSocket | null = null
  private sequences = new Map<string, number>()
  private tries = 0
  private stopped = false

  constructor(
    private readonly take: Take,
    private readonly connected: (is: boolean) => void,
    private readonly loggedOut: () => void,
  ) {}

  start(): void {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
    this.socket = new WebSocket(`${scheme}://${location.host}/api/live`)
    this.socket.onopen = () => {
      this.tries = 0
      this.connected(true)
    }
    this.socket.onmessage = (event: MessageEvent<string>) => this.hear(JSON.parse(event.data) as Message)
    this.socket.onclose = (event) => {
      this.connected(false)
      if (event.code === NOT_LOGGED_IN) return this.loggedOut()
      if (this.stopped) return
      const pause = PAUSES[Math.min(this.tries, PAUSES.length - 1)] ?? 0
      this.tries += 1
      setTimeout(() => this.start(), pause)
    }
  }

  stop(): void {
    this.stopped = true
    this.socket?.close()
  }

  private hear(message: Message): void {
    const what = verdict(this.sequences.get(message.topic) ?? 0, message)
    if (what === 'resync') this.socket?.send(JSON.stringify({ resync: message.topic }))
    if (what !== 'take') return
    this.sequences.set(message.topic, message.sequence)
    this.take(message)
  }
}
