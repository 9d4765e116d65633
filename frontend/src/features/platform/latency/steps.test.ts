import { describe, expect, it } from 'vitest'

import { stampsOf, stepsOf } from './steps'

const at = (second: number): string => `2026-11-29T12:00:0${second}.000Z`
const story = (...topics: string[]) => topics.map((topic, second) => ({ topic, at: at(second) }))

describe('the steps of a signal', () => {
  it('are ours of which both ends are known', () => {
    const stamps = { bar_closed_at: at(0), received_at: at(1), decided_at: at(2), sent_at: at(4), acknowledged_at: null }
    expect(stepsOf(stamps)).toEqual([
      { step: 'decision', ms: 1000 }, { step: 'sending', ms: 2000 },
    ])
  })
  it('never take less than nothing, whatever clocks say', () => {
    expect(stepsOf({ received_at: at(2), decided_at: at(1) })).toEqual([{ step: 'decision', ms: 0 }])
  })
})

describe('the stamps of a story', () => {
  it('are those of its first signal', () => {
    const told = story('Webhook.Received', 'Webhook.Taken', 'Order.Placed', 'Order.Submitted', 'Order.Accepted', 'Order.Placed')
    expect(stampsOf(told)).toEqual({
      received_at: at(0), decided_at: at(2), sent_at: at(3), acknowledged_at: at(4),
    })
  })
  it('are none when nothing was sent, or no webhook led to it', () => {
    expect(stampsOf(story('Webhook.Received', 'Webhook.Refused'))).toEqual({})
    expect(stampsOf(story('Order.Placed', 'Order.Submitted', 'Order.Accepted'))).toEqual({})
  })
})
