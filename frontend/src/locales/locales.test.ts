import { describe, expect, it } from 'vitest'

import toldEn from '../../../adapters/words/en.json'
import toldFr from '../../../adapters/words/fr.json'

/** One file a wing, by its name. */
type Files = Record<string, object>
const named = (files: Files): Files => Object.fromEntries(Object.entries(files).map(([path, words]) => [path.split('/').at(-1), words]))
const ownFr = named(import.meta.glob<object>('./fr/*.json', { eager: true, import: 'default' }))
const ownEn = named(import.meta.glob<object>('./en/*.json', { eager: true, import: 'default' }))

const merged = (own: Files, told: object): object => Object.assign({}, ...Object.values(own), told) as object
const [fr, en] = [merged(ownFr, toldFr), merged(ownEn, toldEn)]

const keys = (tree: object, path = ''): string[] =>
  Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'object' ? keys(value as object, `${path}${key}.`) : [`${path}${key}`],
  )

const texts = (tree: object): string[] =>
  Object.values(tree).flatMap((value) => (typeof value === 'object' ? texts(value as object) : [value as string]))

/** The names that a text leaves open, whatever its plural forms. */
const open = (text: string): string[] => [...new Set(text.match(/\{\w+\}/g))].sort()

/** Words that must not come back, each with what to write instead. What stands in quotes or braces is not judged. */
type Better = [word: RegExp, better: string]
const BETTER: Record<'en' | 'fr', Better[]> = {
  en: [
    [/\bcompar(e|ed|ing|isons?)\b/i, 'reconcile, reconciliation, or check'],
    [/\bterminals?\b/i, 'service'],
    [/\bassets?\b/i, 'pair'],
    [/\b(our|my) (record|books|orders|name)\b/i, 'Aristobot'],
    [/\belsewhere\b/i, 'external'],
    [/\bgains?\b/i, 'P&L, or closed trades'],
    [/\bprice now\b/i, 'last price'],
    [/^(un)?realised$/i, 'unrealised P&L, realised P&L'],
    [/\bsecond[- ]factor\b/i, 'two-factor authentication'],
    [/\bup to you\b/i, 'action required'],
    [/\bstory\b|^why\?$/i, 'history'],
    [/\bwish|\bwanted\b/i, 'requested'],
    [/\bread models?\b/i, 'data updates'],
    [/\bprivate stream\b/i, 'account updates'],
    [/\bhead of the log\b/i, 'daily audit fingerprint'],
    [/\bat worst\b/i, 'at risk'],
    [/\bautomatic(ally)? (trading|orders?|use)\b/i, 'auto-trading'],
    [/\b(is|are|be) (not )?good\b|\bgood once\b/i, 'valid'],
    [/\bfor ever\b/i, 'cannot be changed, cannot be undone'],
    [/\bmeanwhile\b/i, 'in the meantime'],
    [/\bof the moment\b/i, 'current'],
    [/\bmay (not )?(withdraw|trade)\b/i, 'can, cannot'],
    [/\bmakes? (one|it|the|an?)\b|^made$/i, 'create, created'],
    [/\ball the same\b/i, 'anyway'],
    [/\bcompleted? trades?\b|\btrades? completed\b/i, 'closed trade'],
  ],
  fr: [
    [/\bcompar(ée?s?|er|ez|aisons?)(?![\wà-ÿ])/i, 'réconciliation, réconcilier, ou vérifier'],
    [/\bterminal\b|\bterminaux\b/i, 'service'],
    [/^Actif$/, 'paire (pour un marché), en marche (pour un service)'],
    [/\bhistoire\b/i, 'historique'],
    [/\bailleurs\b/i, 'externe'],
    [/\bj'ai (tout )?vu\b/i, 'acquitter'],
    [/\bmuet(te)?s?\b/i, 'en panne'],
    [/\bvoulue?s?\b/i, 'demandé'],
    [/\bmonde\b/i, 'environnement'],
    [/\b(chez nous|nos (ordres|livres)|notre (journal|marque))\b/i, 'Aristobot'],
    [/^gains$|\bgains? (brut|net)s?\b/i, 'trades clôturés, P&L brut, P&L net'],
    [/^résultat (latent|réalisé)$/i, 'P&L latent, P&L réalisé'],
    [/\bprix (actuel|du moment)\b/i, 'dernier prix'],
    [/\bsecond facteur\b/i, 'double authentification'],
    [/à vous de décider/i, 'action requise'],
    [/^pourquoi\s\?$/i, 'historique'],
    [/\btables? de lecture\b/i, 'mise à jour des données'],
    [/\bflux privé\b/i, 'nouvelles du compte'],
    [/\btête du journal\b/i, 'empreinte quotidienne du journal'],
    [/\bau pire\b/i, 'montant exposé'],
    [/\btrading automatique\b|\busage automatique\b/i, 'trading auto'],
    [/\bdifférences?\b|\bdiffér(ait|aient)\b/i, 'écart'],
    [/\bpour toujours\b/i, 'non modifiable, irréversible'],
    [/\bj'insiste\b|\bn'insistez\b/i, "j'accepte le risque"],
    [/\btrades? (terminé|complet)s?(?![\wà-ÿ])/i, 'trade clôturé'],
    [/Mon Compte|Tester Connexion|\bMAJ Paires\b/, 'Mon compte, Tester la connexion, Actualiser les paires'],
  ],
}

/** Name each text that has such a word, and what to write instead. */
const unlike = (tree: object, better: Better[]): string[] =>
  keys(tree).flatMap((key, index) => {
    const text = (texts(tree)[index] ?? '').replace(/[“«][^”»]*[”»]|\{\w+\}/g, '')
    const forms = text.split(' | ')
    return better.filter(([word]) => forms.some((form) => word.test(form))).map(([, instead]) => `${key}: “${text}”, write: ${instead}`)
  })

describe('the two languages', () => {
  it('say the same things', () => {
    expect(keys(fr).sort()).toEqual(keys(en).sort())
  })
  it('say them in the same files', () => {
    expect(Object.keys(ownFr).length).toBeGreaterThan(1)
    expect(keys(ownFr).sort()).toEqual(keys(ownEn).sort())
  })
  it('have no key in two files', () => {
    for (const files of [[...Object.values(ownFr), toldFr], [...Object.values(ownEn), toldEn]]) {
      const all = files.flatMap((words) => Object.keys(words))
      expect(all.filter((key, index) => all.indexOf(key) !== index)).toEqual([])
    }
  })
  it('leave nothing empty', () => {
    for (const text of [...texts(fr), ...texts(en)]) expect(text).not.toBe('')
  })
  it('leave the same names open', () => {
    const names = (tree: object) => Object.fromEntries(keys(tree).map((key, index) => [key, open(texts(tree)[index] ?? '')]))
    expect(names(fr)).toEqual(names(en))
  })
  it('have plural forms instead of brackets', () => {
    expect([...texts(fr), ...texts(en)].filter((text) => /\(e?s\)/.test(text))).toEqual([])
  })
})

describe('the words', () => {
  it.each(Object.entries({ en, fr }))('of %s are those of a trader', (language, tree) => {
    expect(unlike(tree, BETTER[language as keyof typeof BETTER])).toEqual([])
  })
  it('call a market a pair', () => {
    const headings = (tree: object) => keys(tree).flatMap((key, index) => (/(^|\.)symbol$/.test(key) ? [texts(tree)[index]?.toLowerCase()] : []))
    expect(new Set(headings(en))).toEqual(new Set(['pair']))
    expect(new Set(headings(fr))).toEqual(new Set(['paire']))
  })
  it('that are bad are found, with what to write instead', () => {
    expect(unlike({ title: 'Our record' }, BETTER.en)).toEqual(['title: “Our record”, write: Aristobot'])
    expect(unlike({ done: 'Comparaison terminée' }, BETTER.fr)).toHaveLength(1)
    expect(unlike({ hint: 'Run “aristobot terminal web”.' }, BETTER.en)).toEqual([])
  })
  it('have no-break spaces where French has them', () => {
    expect(texts(fr).filter((text) => / [;:!?%»]|« /.test(text))).toEqual([])
  })
})
