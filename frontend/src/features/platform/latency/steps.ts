import type { Chapter, ExchangeLatency, Stamps } from '../../../api/client'

export type StepName = ExchangeLatency['steps'][number]['step']

/** One step of a signal: how long it took, in milliseconds. */
export interface Step {
  step: StepName
  ms: number
}

const OURS: [StepName, keyof Stamps, keyof Stamps][] = [
  ['decision', 'received_at', 'decided_at'],
  ['sending', 'decided_at', 'sent_at'],
  ['acknowledgement', 'sent_at', 'acknowledged_at'],
  ['protection', 'acknowledged_at', 'protected_at'],
]

/** The steps of ours of which both ends are known, in their order: without the delivery, which takes far longer. */
export function stepsOf(stamps: Partial<Stamps>): Step[] {
  return OURS.flatMap(([step, from, to]) => {
    const [began, ended] = [stamps[from], stamps[to]]
    return began && ended ? [{ step, ms: Math.max(0, Date.parse(ended) - Date.parse(began)) }] : []
  })
}

const STAMPED: [string, keyof Stamps][] = [
  ['Webhook.Received', 'received_at'],
  ['Order.Placed', 'decided_at'],
  ['Order.Submitted', 'sent_at'],
  ['Order.Accepted', 'acknowledged_at'],
]

/**
 * The stamps of the first signal in a story: its webhook, and the first of each step after it. None when its order was
 * never sent, or when the story does not begin with a webhook. Protection is told by the story of the position.
 */
export function stampsOf(chapters: Pick<Chapter, 'topic' | 'at'>[]): Partial<Stamps> {
  const stamps: Partial<Stamps> = {}
  let from = 0
  for (const [topic, stamp] of STAMPED) {
    const index = chapters.findIndex((chapter, place) => place >= from && chapter.topic === topic)
    const found = chapters[index]
    if (!found) break
    stamps[stamp] = found.at
    from = index
  }
  return stamps.sent_at ? stamps : {}
}
