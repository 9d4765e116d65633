import type { GlobalThemeOverrides } from 'naive-ui'

/** The platform's tokens: neon is for state, never for body text. Light has darker ones: contrast above 4.5:1. */
export const tokens = {
  dark: {
    blue: '#00D4FF', green: '#00FF88', red: '#FF6B9A', orange: '#FFA940', grey: '#8A94A6',
    background: '#0B0E14', card: '#121722', head: '#0F141D', input: '#1B2230', border: '#1E2A3A', text: '#E6EAF0', onPrimary: '#04141A',
  },
  light: {
    blue: '#00657F', green: '#006B3C', red: '#B8003D', orange: '#8A4B00', grey: '#596273',
    background: '#F3F5F8', card: '#FFFFFF', head: '#E9EDF2', input: '#FFFFFF', border: '#D3DAE3', text: '#131A26', onPrimary: '#FFFFFF',
  },
} as const

export type Theme = keyof typeof tokens

export function overridesOf(theme: Theme): GlobalThemeOverrides {
  const token = tokens[theme]
  return {
    common: {
      primaryColor: token.blue,
      primaryColorHover: token.blue,
      primaryColorPressed: token.blue,
      primaryColorSuppl: token.blue,
      successColor: token.green,
      errorColor: token.red,
      warningColor: token.orange,
      bodyColor: token.background,
      cardColor: token.card,
      tableColor: token.card,
      modalColor: token.card,
      popoverColor: token.card,
      borderColor: token.border,
      dividerColor: token.border,
      textColorBase: token.text,
      placeholderColor: token.grey,
      fontFamily: "'Inter Variable', 'Segoe UI', system-ui, sans-serif",
      borderRadius: '6px',
    },
    Input: { color: token.input, colorFocus: token.input, colorDisabled: token.head },
    Button: {
      textColorPrimary: token.onPrimary, textColorHoverPrimary: token.onPrimary,
      textColorPressedPrimary: token.onPrimary, textColorFocusPrimary: token.onPrimary,
    },
  }
}
