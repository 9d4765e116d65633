import { describe, expect, it } from 'vitest'

import { verdict } from './socket'

const message = (kind: 'snapshot' | 'changes', sequence: number) => ({ topic: 'trades', kind, sequence, items: [] })

describe('what a live message means', () => {
  it('takes the next change and every snapshot', () => {
    expect(verdict(3, message('changes', 4))).toBe('take')
    expect(verdict(9, message('snapshot', 1))).toBe('take')
  })
  it('asks for a snapshot when a message was lost', () => {
    expect(verdict(3, message('changes', 5))).toBe('resync')
  })
  it('ignores what it has heard before', () => {
    expect(verdict(3, message('changes', 3))).toBe('ignore')
  })
})
