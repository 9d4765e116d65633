import createClient, { type Middleware } from 'openapi-fetch'

import type { components, paths } from './schema'

export type Session = components['schemas']['Session']
export type Webhook = components['schemas']['Webhook']
export type Trade = components['schemas']['Trade']
export type Position = components['schemas']['Position']
export type Chapter = components['schemas']['Chapter']
export type Gain = components['schemas']['Gain']
export type Broker = components['schemas']['Broker']
export type Health = components['schemas']['Health']

/** What every refused request answers. */
export interface Problem {
  code: string
  message: string
  field: string | null
}

let csrf = ''
export function carryCsrf(token: string): void {
  csrf = token
}

const change: Middleware = {
  onRequest({ request }) {
    if (request.method !== 'GET') request.headers.set('X-CSRF-Token', csrf)
    return request
  },
}

export const api = createClient<paths>({ baseUrl: '', credentials: 'same-origin' })
api.use(change)

export function problemOf(error: unknown): Problem {
  if (typeof error === 'object' && error !== null && 'code' in error) return error as Problem
  return { code: 'unreachable', message: String(error), field: null }
}
