import { acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands'
import { python, pythonLanguage } from '@codemirror/lang-python'
import { HighlightStyle, bracketMatching, foldGutter, foldKeymap, indentOnInput, indentUnit, syntaxHighlighting } from '@codemirror/language'
import { lintGutter, lintKeymap } from '@codemirror/lint'
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search'
import { EditorState, type Extension } from '@codemirror/state'
import { EditorView, drawSelection, highlightActiveLine, highlightActiveLineGutter, highlightSpecialChars, keymap, lineNumbers } from '@codemirror/view'
import { tags } from '@lezer/highlight'

import type { completing } from './completion'

/** The texts of the editor itself, by what CodeMirror calls them. */
export const PHRASES = {
  find: 'Find', replace_with: 'Replace', next: 'next', previous: 'previous', all: 'all', match_case: 'match case', regexp: 'regexp',
  by_word: 'by word', replace: 'replace', replace_all: 'replace all', close: 'close', current_match: 'current match', on_line: 'on line',
  replaced: 'replaced $ matches', replaced_on_line: 'replaced match on line $', go_to_line: 'Go to line', go: 'go', problems: 'Diagnostics',
  no_problems: 'No diagnostics', completions: 'Completions', folded_lines: 'Folded lines', unfolded_lines: 'Unfolded lines', to: 'to',
  folded: 'folded code', unfold: 'unfold', fold_line: 'Fold line', unfold_line: 'Unfold line', control: 'Control character',
  selection_deleted: 'Selection deleted', unchanged: '$ unchanged lines',
} as const

/** Our tokens, in whichever theme the console has: they are variables of the page. */
const theme = EditorView.theme({
  '&': { height: '100%', color: 'var(--text)', backgroundColor: 'var(--card)', fontSize: '13px' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: "ui-monospace, 'Cascadia Mono', 'DejaVu Sans Mono', monospace", lineHeight: '1.55' },
  '.cm-content': { caretColor: 'var(--blue)' },
  '.cm-cursor': { borderLeftColor: 'var(--blue)' },
  '.cm-gutters': { backgroundColor: 'var(--head)', color: 'var(--grey)', border: 'none', borderRight: '1px solid var(--border)' },
  '.cm-activeLine': { backgroundColor: 'var(--faint)' },
  '.cm-activeLineGutter': { backgroundColor: 'var(--hover)', color: 'var(--text)' },
  '&.cm-focused .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'var(--chosen) !important' },
  '.cm-selectionMatch, .cm-searchMatch': { backgroundColor: 'color-mix(in srgb, var(--orange) 30%, transparent)' },
  '.cm-matchingBracket': { backgroundColor: 'var(--chosen) !important', outline: '1px solid var(--blue)' },
  '.cm-panels, .cm-tooltip': { backgroundColor: 'var(--head)', color: 'var(--text)', borderColor: 'var(--border)' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { backgroundColor: 'var(--chosen)', color: 'var(--text)' },
  '.cm-tooltip .cm-completionInfo': { backgroundColor: 'var(--head)', maxWidth: '420px' },
  '.cm-completionDetail': { color: 'var(--grey)', fontStyle: 'normal' },
  '.cm-textfield, .cm-button': { backgroundColor: 'var(--input)', backgroundImage: 'none', color: 'var(--text)', borderColor: 'var(--border)' },
  '.cm-foldPlaceholder': { backgroundColor: 'var(--input)', color: 'var(--grey)', borderColor: 'var(--border)' },
  '.cm-diagnostic-error': { borderLeftColor: 'var(--bad)' },
  '.cm-changedText': { background: 'color-mix(in srgb, var(--orange) 35%, transparent) !important' },
  '&.cm-merge-a .cm-changedLine': { backgroundColor: 'color-mix(in srgb, var(--bad) 12%, transparent)' },
  '&.cm-merge-b .cm-changedLine': { backgroundColor: 'color-mix(in srgb, var(--green) 12%, transparent)' },
  '.cm-collapsedLines': { background: 'var(--head) !important', color: 'var(--grey)' },
  // Their marks are letters that our fonts lack.
  '.cm-collapsedLines:before, .cm-collapsedLines:after': { content: 'none !important' },
})
const colours = syntaxHighlighting(HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.controlKeyword, tags.definitionKeyword, tags.moduleKeyword], color: 'var(--shade-2)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--green)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--shade-4)' },
  { tag: tags.comment, color: 'var(--grey)', fontStyle: 'italic' },
  { tag: [tags.function(tags.variableName), tags.function(tags.propertyName), tags.definition(tags.propertyName)], color: 'var(--shade-3)' },
  { tag: [tags.className, tags.definition(tags.className), tags.typeName], color: 'var(--shade-1)' },
  { tag: tags.self, color: 'var(--bad)' },
]))

/** What every view of code has: the one that is written in, and those that are compared. */
export const reading = (phrases: Record<string, string>, label: string): Extension => [
  python(), theme, colours, lineNumbers(), highlightSpecialChars(), EditorView.lineWrapping, EditorState.tabSize.of(4), indentUnit.of('    '),
  EditorState.phrases.of(phrases), EditorView.contentAttributes.of({ 'aria-label': label }),
]

/** What the editor has besides. Tab indents; Escape and then Tab leaves. */
export const writing = (complete: ReturnType<typeof completing>, act: { save: () => void; check: () => void }): Extension => [
  history(), foldGutter(), drawSelection(), indentOnInput(), bracketMatching(), closeBrackets(), highlightActiveLine(), highlightActiveLineGutter(),
  highlightSelectionMatches(), lintGutter(), autocompletion(), pythonLanguage.data.of({ autocomplete: complete }),
  keymap.of([
    { key: 'Mod-s', preventDefault: true, run: () => (act.save(), true) },
    { key: 'Mod-Enter', preventDefault: true, run: () => (act.check(), true) },
    { key: 'Tab', run: acceptCompletion },
    ...closeBracketsKeymap, ...completionKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...lintKeymap, indentWithTab,
  ]),
]
