import { ref } from 'vue'
import { useI18n } from 'vue-i18n'

import { type Problem, problemOf } from '../api/client'

interface Answer<T> {
  data?: T
  error?: unknown
}

/** Longer than the server waits for any exchange. */
const ANSWER_WITHIN = 45_000

function silence(): Promise<never> {
  return new Promise((_, fail) => setTimeout(() => fail(new Error('no answer in time')), ANSWER_WITHIN))
}

/** Carries out one request of a form at a time, and says what is wrong at its field in the user's language. */
export function useProblem() {
  const { t, te } = useI18n()
  const problem = ref<Problem | null>(null)
  const busy = ref(false)

  function words(found: Problem): string {
    const said = te(`errors.${found.code}`) ? t(`errors.${found.code}`) : te(`reasons.${found.code}`) ? t(`reasons.${found.code}`) : ''
    return said || t('errors.unknown', { code: found.code })
  }

  /** What is wrong with a field. */
  function at(field: string): string {
    return problem.value?.field === field ? words(problem.value) : ''
  }

  /** What is wrong with none of these fields. */
  function elsewhere(...fields: string[]): string {
    return problem.value && !fields.includes(problem.value.field ?? '') ? words(problem.value) : ''
  }

  /** Answers whether it was carried out; a second click while it runs does nothing. */
  async function attempt<T>(request: () => Promise<Answer<T>>): Promise<{ done: boolean; data: T | undefined }> {
    if (busy.value) return { done: false, data: undefined }
    busy.value = true
    problem.value = null
    try {
      const { data, error } = await Promise.race([request(), silence()])
      if (error !== undefined) problem.value = problemOf(error)
      return { done: error === undefined, data }
    } catch (error) {
      problem.value = problemOf(error)
      return { done: false, data: undefined }
    } finally {
      busy.value = false
    }
  }

  return { problem, busy, words, at, elsewhere, attempt }
}
