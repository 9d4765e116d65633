import { CompletionContext } from '@codemirror/autocomplete'
import { EditorState } from '@codemirror/state'
import { describe, expect, it } from 'vitest'

import { callOf, completing } from './completion'

const EMA = { name: 'ema', parameters: 'close, length=None, talib=None, **kwargs', about: 'Exponential Moving Average (EMA)' }
const SUPERTREND = { name: 'supertrend', parameters: 'high, low, close, length=None', about: 'Supertrend' }
const complete = completing(() => [EMA, SUPERTREND], (name) => (name === 'close' ? 'the close' : ''))
const at = (text: string) => complete(new CompletionContext(EditorState.create({ doc: text }), text.length, true))
const labels = (text: string) => at(text)?.options.map((one) => one.label)

describe('completion', () => {
  it('offers the functions of the library with what they are', () => {
    expect(labels('x = ta.')).toEqual(['ema', 'supertrend'])
    expect(at('x = ta.em')).toMatchObject({ from: 7 })
    expect(at('x = ta.')?.options[0]).toMatchObject({ detail: '(close, length=None, talib=None, **kwargs)', info: EMA.about })
  })

  it('fills in the columns that a function needs', () => {
    expect(callOf(EMA)).toBe('ema(self.candles["close"], length=${14})')
    expect(callOf(SUPERTREND)).toBe('supertrend(self.candles["high"], self.candles["low"], self.candles["close"], length=${14})')
    expect(callOf({ name: 'cross', parameters: 'series_a, series_b, above=True' })).toBe('cross(${series_a}, ${series_b})')
  })

  it('offers columns, facts of the position, and the contract', () => {
    expect(labels('self.candles["cl')).toEqual(['time', 'open', 'high', 'low', 'close', 'volume'])
    expect(labels("self.position['")).toContain('entry_price')
    expect(labels('self.')).toContain('calculate_stop_loss')
    expect(labels('    def sh')).toContain('def should_long')
  })

  it('offers nothing where nothing fits', () => {
    expect(at('x = 1 + ')).toBeNull()
    expect(at('data.')).toBeNull()
  })
})
