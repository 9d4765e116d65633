import type { IChartApi, IPriceLine, ISeriesApi, ISeriesPrimitive, PrimitiveHoveredItem, Time } from 'lightweight-charts'

import type { Level } from './marks'

/** How far from a line it is still taken hold of, in pixels. */
const REACH = 5

/** The multiple of a tick that is nearest to a price, as a text without superfluous digits. */
export function snapped(price: number, tick: string): string {
  const places = (/\.(\d*?)0*$/.exec(tick)?.[1] ?? '').length
  const size = Number(tick)
  return size > 0 ? (Math.round(price / size) * size).toFixed(places) : String(price)
}

interface Drawn {
  level: Level
  line: IPriceLine
}

/**
 * Lines that can be dragged: a primitive of the series that says which line is under the pointer, and moves it on the
 * ticks of its market. Nothing is changed before the line is let go; Escape puts it back.
 */
export class Grips implements ISeriesPrimitive<Time> {
  private held: Drawn | null = null
  private at = ''

  constructor(
    private readonly chart: IChartApi,
    private readonly series: ISeriesApi<'Candlestick'>,
    private readonly place: HTMLElement,
    private readonly lines: () => Drawn[],
    private readonly dropped: (level: Level, price: string) => void,
  ) {
    place.addEventListener('pointerdown', this.take, { capture: true })
    window.addEventListener('pointermove', this.move)
    window.addEventListener('pointerup', this.drop)
    window.addEventListener('pointercancel', this.putBack)
    window.addEventListener('keydown', this.escape, { capture: true })
  }

  remove(): void {
    this.place.removeEventListener('pointerdown', this.take, { capture: true })
    window.removeEventListener('pointermove', this.move)
    window.removeEventListener('pointerup', this.drop)
    window.removeEventListener('pointercancel', this.putBack)
    window.removeEventListener('keydown', this.escape, { capture: true })
  }

  /** A line that is held stays where the pointer is, whatever else is drawn anew meanwhile. */
  get holding(): string | null {
    return this.held?.level.id ?? null
  }

  hitTest(_: number, y: number): PrimitiveHoveredItem | null {
    const found = this.under(y)
    return found ? { externalId: found.level.id ?? '', cursorStyle: 'ns-resize', zOrder: 'top' } : null
  }

  private under(y: number): Drawn | undefined {
    const near = this.lines()
      .filter(({ level }) => level.grip)
      .map((drawn) => ({ drawn, by: Math.abs((this.series.priceToCoordinate(drawn.level.price) ?? Infinity) - y) }))
    return near.filter(({ by }) => by <= REACH).sort((a, b) => a.by - b.by)[0]?.drawn
  }

  private readonly take = (event: PointerEvent): void => {
    const box = this.place.getBoundingClientRect()
    const [x, y, size] = [event.clientX - box.left, event.clientY - box.top, this.chart.paneSize()]
    // A line out of view has a place below the candles, in the part of an indicator: nobody takes hold of it there.
    if (event.button !== 0 || x > size.width || y < 0 || y > size.height) return
    const found = this.under(y)
    if (!found) return
    event.stopPropagation()
    this.held = found
    this.at = ''
    this.chart.applyOptions({ handleScroll: false, handleScale: false })
  }

  private readonly move = (event: PointerEvent): void => {
    const { held } = this
    const y = event.clientY - this.place.getBoundingClientRect().top
    const price = held && this.series.coordinateToPrice(Math.min(Math.max(y, 0), this.chart.paneSize().height))
    if (!held?.level.grip || price === null || price <= 0) return
    this.at = snapped(price, held.level.grip.tick)
    held.line.applyOptions({ price: Number(this.at), title: held.level.grip.says(this.at) })
  }

  private readonly drop = (): void => {
    const { held, at } = this
    this.letGo()
    if (!held || !at) return
    this.reset(held)
    if (Number(at) !== held.level.price) this.dropped(held.level, at)
  }

  private readonly putBack = (): void => {
    const { held } = this
    this.letGo()
    if (held) this.reset(held)
  }

  private readonly escape = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || !this.held) return
    event.stopPropagation()
    this.putBack()
  }

  /** The line shows what is there: it moves for good once the server has told so. */
  private reset({ level, line }: Drawn): void {
    line.applyOptions({ price: level.price, title: level.title })
  }

  private letGo(): void {
    if (this.held) this.chart.applyOptions({ handleScroll: true, handleScale: true })
    this.held = null
  }
}
