import type { GlobalThemeOverrides } from 'naive-ui'

/** The platform's tokens: neon is for state, never for body text. */
export const tokens = {
  blue: '#00D4FF',
  green: '#00FF88',
  red: '#FF0055',
  orange: '#FFA940',
  grey: '#8A94A6',
  background: '#0B0E14',
  card: '#121722',
  border: '#1E2A3A',
  text: '#E6EAF0',
} as const

export const overrides: GlobalThemeOverrides = {
  common: {
    primaryColor: tokens.blue,
    primaryColorHover: '#5CE4FF',
    primaryColorPressed: '#00A8CC',
    successColor: tokens.green,
    errorColor: tokens.red,
    warningColor: tokens.orange,
    bodyColor: tokens.background,
    cardColor: tokens.card,
    tableColor: tokens.card,
    modalColor: tokens.card,
    popoverColor: tokens.card,
    borderColor: tokens.border,
    dividerColor: tokens.border,
    textColorBase: tokens.text,
    fontFamily: "Inter, 'Segoe UI', system-ui, sans-serif",
    borderRadius: '6px',
  },
  DataTable: { thColor: '#0F141D', tdColor: tokens.card },
}
