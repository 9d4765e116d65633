/** Browsers by the word that only they, or they and those listed after them, have in their user agent. */
const BROWSERS = [
  ['Edge', /\bEdg(A|iOS)?\//], ['Opera', /\bOPR\//], ['Firefox', /\b(Firefox|FxiOS)\//], ['Chrome', /\b(Chrome|CriOS|HeadlessChrome)\//], ['Safari', /\bSafari\//],
] as const
/** Android says Linux too, and an iPhone says Mac OS. */
const SYSTEMS = [['Windows', /Windows/], ['Android', /Android/], ['iOS', /iPhone|iPad/], ['macOS', /Mac OS|Macintosh/], ['Linux', /Linux|X11/]] as const

/** A user agent as a person names it: "Firefox · Windows"; as it is where that is not known. */
export function deviceOf(agent: string): string {
  const known = [BROWSERS, SYSTEMS].flatMap((list) => list.find(([, sign]) => sign.test(agent))?.[0] ?? [])
  return known.join(' · ') || agent || '—'
}
