import createClient, { type Middleware } from 'openapi-fetch'

import type { components, paths } from './schema'

export type Session = components['schemas']['Session']
export type Webhook = components['schemas']['Webhook']
export type WebhookStream = components['schemas']['WebhookStream']
export type WebhookCounts = components['schemas']['WebhookCounts']
export type Gates = components['schemas']['Gates']
export type Approval = components['schemas']['Approval']
export type WebhookPosition = components['schemas']['WebhookPosition']
export type Trade = components['schemas']['Trade']
export type Position = components['schemas']['Position']
export type Chapter = components['schemas']['Chapter']
export type Gain = components['schemas']['Gain']
export type Broker = components['schemas']['Broker']
export type Preferences = components['schemas']['Preferences']
export type Invitation = components['schemas']['KeptInvitation']
export type ChartCandle = components['schemas']['ChartCandle']
export type ChartIndicators = components['schemas']['ChartIndicators']
export type CandleCoverage = components['schemas']['Coverage']
export type CandleLoad = components['schemas']['Load']
export type StoredCandles = components['schemas']['StoredCandles']
export type ClockSignal = components['schemas']['ClockSignal']
export type FollowedSeries = components['schemas']['FollowedSeries']
export type HeartbeatState = components['schemas']['HeartbeatState']
export type KeptSession = components['schemas']['KeptSession']
export type Account = components['schemas']['Account']
export type Exchange = components['schemas']['Exchange']
export type Verdict = components['schemas']['Verdict']
export type Step = components['schemas']['Step']
export type Alert = components['schemas']['Alert']
export type Channel = components['schemas']['Channel']
export type Metrics = components['schemas']['Metrics']
export type Reconciliation = components['schemas']['Reconciliation']
export type Sides = components['schemas']['Sides']
export type Health = components['schemas']['Health']
export type Statement = components['schemas']['Statement']
export type Fact = components['schemas']['Fact']
export type Portfolio = components['schemas']['Portfolio']
export type AccountWorth = components['schemas']['AccountWorth']
export type Holding = components['schemas']['Holding']
export type EquityPoint = components['schemas']['EquityPoint']
export type Layout = components['schemas']['Layout']
export type SymbolRow = components['schemas']['Symbol']
export type Condition = components['schemas']['Condition']
export type Conditions = components['schemas']['Conditions']
export type Obstacle = components['schemas']['Obstacle']
export type Ticket = components['schemas']['Ticket']
export type NewTicket = components['schemas']['NewTicket']
export type Panic = components['schemas']['Panic']
export type PanicStep = components['schemas']['PanicStep']
export type Latency = components['schemas']['Latency']
export type ExchangeLatency = components['schemas']['ExchangeLatency']
export type Signal = components['schemas']['Signal']
export type Stamps = components['schemas']['Stamps']
export type Strategy = components['schemas']['Strategy']
export type OpenStrategy = components['schemas']['OpenStrategy']
export type StrategyVersion = components['schemas']['StrategyVersion']
export type CodeCheck = components['schemas']['CodeCheck']
export type CodeProblem = components['schemas']['CodeProblem']
export type CodePreview = components['schemas']['CodePreview']
export type TaFunction = components['schemas']['LibraryFunction']
export type Compared = components['schemas']['Compared']

/** What every refused request answers. */
export interface Problem {
  code: string
  message: string
  field: string | null
}

const KEPT = 'aristobot.csrf'
/** Kept over a reload, so that trading can be stopped while the server cannot say who is logged in. */
let csrf = sessionStorage.getItem(KEPT) ?? ''
export function carryCsrf(token: string): void {
  csrf = token
  sessionStorage.setItem(KEPT, token)
}

export const hasCsrf = (): boolean => csrf !== ''

let leave: () => void = () => undefined
/** What happens when the server no longer knows the session. */
export function whenEnded(act: () => void): void {
  leave = act
}

const change: Middleware = {
  onRequest({ request }) {
    if (request.method !== 'GET') request.headers.set('X-CSRF-Token', csrf)
    return request
  },
  onResponse({ request, response }) {
    // Asking who is logged in, and logging in, may be answered so while nobody is.
    if (response.status === 401 && !request.url.endsWith('/api/session')) leave()
  },
}

export const api = createClient<paths>({ baseUrl: '', credentials: 'same-origin' })
api.use(change)

export function problemOf(error: unknown): Problem {
  // An error of the browser has a code as well, but a number.
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string') return error as Problem
  return { code: 'unreachable', message: String(error), field: null }
}

const ANSWER_WITHIN = 10_000

/** A request that is not waited for without end: silence of the server is an error like any other. */
export async function inTime<Answer extends { data?: unknown; error?: unknown }>(
  request: (signal: AbortSignal) => Promise<Answer>,
): Promise<Answer | { data?: undefined; error: unknown }> {
  try {
    return await request(AbortSignal.timeout(ANSWER_WITHIN))
  } catch (error) {
    return { error }
  }
}

const PAGE = 100

/** What a request for a page of a list says; without a cursor it is the newest one. Empty values do not narrow it. */
export function pageFrom<Query extends object>(cursor: string | null, narrowed: Record<string, string> = {}): Query & { limit: number } {
  const given = Object.entries({ ...narrowed, cursor }).filter(([, value]) => value)
  return { ...Object.fromEntries(given), limit: PAGE } as Query & { limit: number }
}

/** A request that is answered line by line: each line is handed on as it comes. */
export async function stream<Line>(path: string, body: object, take: (line: Line) => void): Promise<Problem | null> {
  const headers = { 'Content-Type': 'application/json', 'X-CSRF-Token': csrf }
  const answer = await fetch(path, { method: 'POST', credentials: 'same-origin', headers, body: JSON.stringify(body) })
  if (!answer.ok || !answer.body) return problemOf(await answer.json().catch(() => answer.statusText))
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const lines = (rest + part.value).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) take(JSON.parse(line) as Line)
  }
  return null
}
