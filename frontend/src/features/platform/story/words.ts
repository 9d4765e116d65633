import { useI18n } from 'vue-i18n'

import type { Chapter, Fact, Statement } from '../../../api/client'
import { duration, figure, quantity, share, time } from '../../../words/format'
import { useReasons } from '../../../words/reasons'
import { useStatements } from '../../../words/statements'
import { useBrokers } from '../../people/brokers/store'
import { alertOf, factsShown, isTechnical, topicOf } from './facts'

/** Which words stand for the codes of a fact. */
const WORDS: Record<string, string> = {
  side: 'sides', type: 'types', source: 'sources', owner: 'sources', occasion: 'reconciliations.occasions',
  resolution: 'reconciliations.resolutions', phase: 'story.phases', requester: 'story.requesters',
}
const SHARES = ['percent', 'share', 'target_share']
const STATES = ['outcome', 'status', 'state', 'ours', 'theirs']
const MOMENT = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)$/
const DECIMAL = /^-?\d+(\.\d+)?$/
/** Numbers that are names: they have no thousands. */
const NAMES = /(_id|^id|user|broker|number|position|address|interval|body)$/

const isStatement = (said: object): said is Statement => 'kind' in said && 'values' in said
const isFact = (said: object): said is Fact => 'event' in said && 'values' in said

/** The chapters of a story in the user's language; what has no word is said as the log says it. */
export function useStoryWords() {
  const { t, te } = useI18n()
  const { words } = useReasons()
  const { state, side, fact } = useStatements()
  const brokers = useBrokers()

  function title(chapter: Chapter): string {
    const key = `topics.${topicOf(chapter.topic, chapter.facts).replace('.', '_')}`
    return te(key) ? t(key) : chapter.topic
  }

  /** What the story is about: an order by side, pair and time, anything else by its kind and time. */
  function headline(chapters: Chapter[], stream: string | null): string {
    const first = chapters.find((chapter) => chapter.stream === stream)
    if (!first) return t('story.title')
    const at = time(first.at)
    const wish = first.facts.wish as Record<string, string> | undefined
    if (wish) return t('story.of_order', { side: t(`sides.${wish.side}`), symbol: wish.symbol, at })
    const kind = `story.of_${(first.topic.split('.')[0] ?? '').toLowerCase()}`
    return te(kind) ? t(kind, { symbol: String(first.facts.symbol ?? ''), at }) : t('story.title')
  }

  function label(name: string): string {
    return te(`story.facts.${name}`) ? t(`story.facts.${name}`) : name
  }

  function text(name: string, said: string): string {
    const key = `${WORDS[name]}.${said}`
    if (WORDS[name] && te(key)) return t(key)
    if (name === 'broker') return brokers.nameOf(Number(said))
    if (STATES.includes(name)) return state(said)
    if (MOMENT.test(said)) return time(said)
    if (SHARES.includes(name) && DECIMAL.test(said)) return share(said)
    if (DECIMAL.test(said) && !NAMES.test(name)) return quantity(said)
    return NAMES.test(name) ? said : (words(said) ?? said)
  }

  function value(name: string, said: unknown): string {
    if (said === null || said === undefined) return '—'
    if (Array.isArray(said)) return said.map((one) => value(name, one)).join(' · ') || '—'
    if (typeof said === 'object') {
      if (isStatement(said)) return side(said)
      if (isFact(said)) return fact(said)
      return Object.entries(said).filter(([, one]) => one !== null).map(([of, one]) => t('story.pair', { name: label(of), value: value(of, one) })).join(' · ')
    }
    if (typeof said === 'boolean') return t(said ? 'capabilities.yes' : 'capabilities.no')
    return text(name, String(said))
  }

  /** What one event tells, with its labels: what happened, or what only names it. */
  function facts(chapter: Chapter, technical: boolean): [string, string][] {
    return factsShown(chapter.facts)
      .filter(([name]) => isTechnical(name) === technical)
      .map(([name, said]) => [label(name), value(name, said)])
  }

  /** A story in three lines: why it began, what it came to, and how long that took. */
  function summary(chapters: Chapter[], stream: string | null): [string, string][] {
    const own = chapters.filter((chapter) => chapter.stream === stream)
    const [first, last, told] = [own[0], own.at(-1), chapters.find((chapter) => chapter.topic === 'Webhook.Received')]
    if (!first || !last) return []
    const alert = told && alertOf(told.facts)
    const requester = typeof first.facts.requester === 'string' ? text('requester', first.facts.requester) : ''
    const why = alert ? [alert.action, alert.indicator].filter(Boolean).join(' · ') : requester
    const began = chapters[0]?.at ?? first.at
    return [
      ...(why ? [[t('story.why'), why] as [string, string]] : []),
      [t('story.result'), `${title(last)} · ${time(last.at)}`],
      [t('story.took'), delay(Date.parse(last.at) - Date.parse(began)).replace('+', '')],
    ]
  }

  /** How long after the step before. */
  function delay(milliseconds: number): string {
    if (milliseconds < 1000) return t('story.delay', { n: milliseconds })
    if (milliseconds < 60_000) return t('story.delay_seconds', { n: figure(milliseconds / 1000, 1) })
    return `+${duration(milliseconds / 1000)}`
  }

  return { title, headline, summary, facts, delay }
}
