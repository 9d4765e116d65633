/** The live socket: snapshots and numbered changes. A gap in the numbers asks for a new snapshot. */

export interface Message {
  topic: string
  kind: 'snapshot' | 'changes'
  sequence: number
  items: unknown[]
}

/** A market as one account trades it. */
export interface Place {
  broker: number
  symbol: string
}

interface Pong {
  pong: number
}

/** What the socket tells as it goes on. `heard` comes with every sign of life, `take` with data only. */
export interface Hearer {
  take: (message: Message) => void
  heard: () => void
  connected: (is: boolean) => void
  loggedOut: () => void
  /** The user has as many windows open as may be. */
  crowded: () => void
}

const PING_EVERY = 3000
/** A socket that has told nothing for so long is replaced: a cut line does not always say so. */
const DEAD_AFTER = 12_000
const PAUSES = [0, 0, 0, 1000, 2000, 4000, 8000]
export const NOT_LOGGED_IN = 4401
const CROWDED = 4429

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
  private pinging = 0
  private waiting = 0
  private pings = 0
  private heardAt = 0
  private place: Place | null = null

  constructor(
    private readonly hearer: Hearer,
    private topics: string[],
  ) {}

  /** Follow these topics and no others. A topic that is new begins with a snapshot. */
  follow(topics: string[]): void {
    this.topics = topics
    this.say({ follow: topics })
  }

  /** Look at the depth of one market, or at none. */
  look(at: Place | null): void {
    this.place = at
    this.sequences.delete('depth')
    this.say({ look: at })
  }

  private say(what: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(what))
  }

  start(): void {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
    const socket = new WebSocket(`${scheme}://${location.host}/api/live`)
    this.socket = socket
    this.heardAt = Date.now()
    socket.onopen = () => {
      this.hearer.connected(true)
      this.follow(this.topics)
      if (this.place) this.look(this.place)
    }
    socket.onmessage = (event: MessageEvent<string>) => {
      this.heardAt = Date.now()
      this.tries = 0
      this.hearer.heard()
      const said = JSON.parse(event.data) as Message | Pong
      if (!('pong' in said)) this.hear(said)
    }
    socket.onclose = (event) => this.closed(event.code)
    this.pinging = window.setInterval(() => this.ping(socket), PING_EVERY)
  }

  stop(): void {
    this.stopped = true
    window.clearInterval(this.pinging)
    window.clearTimeout(this.waiting)
    this.socket?.close()
  }

  private ping(socket: WebSocket): void {
    if (Date.now() - this.heardAt > DEAD_AFTER) {
      socket.onclose = null
      socket.onmessage = null
      socket.close()
      this.closed(0)
    } else {
      this.say({ ping: (this.pings += 1) })
    }
  }

  private closed(code: number): void {
    window.clearInterval(this.pinging)
    this.hearer.connected(false)
    if (code === NOT_LOGGED_IN) return this.hearer.loggedOut()
    if (this.stopped) return
    if (code === CROWDED) this.hearer.crowded()
    const pause = PAUSES[Math.min(this.tries, PAUSES.length - 1)] ?? 0
    this.tries += 1
    this.waiting = window.setTimeout(() => this.start(), pause)
  }

  private hear(message: Message): void {
    const what = verdict(this.sequences.get(message.topic) ?? 0, message)
    if (what === 'resync') this.say({ resync: message.topic })
    if (what !== 'take') return
    this.sequences.set(message.topic, message.sequence)
    this.hearer.take(message)
  }
}
