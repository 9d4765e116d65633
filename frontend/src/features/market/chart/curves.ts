import { HistogramSeries, type IChartApi, type ISeriesApi, LineSeries, LineStyle } from 'lightweight-charts'

import type { Curve } from './indicator'

/** How much higher the candles are than each part below them. */
const CANDLES = 3

/** The lines of indicators on a chart, those that are no prices in parts of their own below the candles. */
export class Curves {
  private series = new Map<string, ISeriesApi<'Line'> | ISeriesApi<'Histogram'>>()
  private shape = ''

  constructor(
    private readonly chart: IChartApi,
    private readonly colour: (name: string) => string,
  ) {}

  draw(curves: Curve[], decimals: number): void {
    const shape = [decimals, ...curves.map((curve) => `${curve.key} ${curve.tone}`)].join()
    if (shape !== this.shape) this.build(curves, decimals)
    this.shape = shape
    for (const curve of curves) this.series.get(curve.key)?.setData(curve.points)
  }

  /** Take the colours of another theme. */
  dress(curves: Curve[]): void {
    for (const { key, tone } of curves) this.series.get(key)?.applyOptions({ color: this.colour(tone) })
  }

  private build(curves: Curve[], decimals: number): void {
    for (const series of this.series.values()) this.chart.removeSeries(series)
    const parts = ['price', ...new Set(curves.map((curve) => curve.part).filter((part) => part !== 'price'))]
    this.series = new Map(curves.map((curve) => [curve.key, this.added(curve, parts.indexOf(curve.part), curve.part === 'rsi' ? 1 : decimals)]))
    this.chart.panes().forEach((pane, place) => pane.setStretchFactor(place ? 1 : CANDLES))
  }

  private added({ kind, tone, part }: Curve, pane: number, precision: number): ISeriesApi<'Line'> | ISeriesApi<'Histogram'> {
    const priceFormat = { type: 'price' as const, precision, minMove: 10 ** -precision }
    // Over the candles the axis has prices enough.
    const common = { priceFormat, color: this.colour(tone), priceLineVisible: false, lastValueVisible: part !== 'price' }
    if (kind === 'histogram') return this.chart.addSeries(HistogramSeries, common, pane)
    const lineStyle = kind === 'dotted' ? LineStyle.Dotted : LineStyle.Solid
    return this.chart.addSeries(LineSeries, { ...common, lineStyle, lineWidth: 1, crosshairMarkerVisible: false }, pane)
  }
}
