import { createI18n } from 'vue-i18n'

// What alerts say is said by mail and chat as well.
import toldEn from '../../adapters/words/en.json'
import toldFr from '../../adapters/words/fr.json'

export type Language = 'fr' | 'en'
const KEY = 'aristobot.language'

interface Words { [key: string]: string | Words }
/** One file a wing. They share no key: the last to come would hide the others. */
const one = (files: Record<string, Words>): Words => Object.assign({}, ...Object.values(files)) as Words
const fr = one(import.meta.glob<Words>('./locales/fr/*.json', { eager: true, import: 'default' }))
const en = one(import.meta.glob<Words>('./locales/en/*.json', { eager: true, import: 'default' }))

function initial(): Language {
  const kept = localStorage.getItem(KEY)
  if (kept === 'fr' || kept === 'en') return kept
  return navigator.language.startsWith('en') ? 'en' : 'fr'
}

/** None is singular in French, unless a text has a form of its own for it. */
const pluralRules = { fr: (n: number, forms: number) => (forms > 2 ? Math.min(n, 2) : n < 2 ? 0 : 1) }

export const i18n = createI18n({ legacy: false, locale: initial(), fallbackLocale: false, messages: { fr: { ...fr, ...toldFr }, en: { ...en, ...toldEn } }, pluralRules })

export function speak(language: Language): void {
  i18n.global.locale.value = language
  localStorage.setItem(KEY, language)
  document.documentElement.lang = language
}
speak(initial())
