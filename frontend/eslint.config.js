import vueI18n from '@intlify/eslint-plugin-vue-i18n'
import vue from 'eslint-plugin-vue'
import typescript from 'typescript-eslint'

export default typescript.config(
  { ignores: ['dist', 'src/api/schema.d.ts'] },
  ...typescript.configs.strict,
  ...vue.configs['flat/recommended'],
  ...vueI18n.configs.recommended,
  {
    files: ['**/*.vue'],
    languageOptions: { parserOptions: { parser: typescript.parser } },
  },
  {
    rules: {
      // Every label is said in both languages: no literal text stands in a template.
      '@intlify/vue-i18n/no-raw-text': ['error', { ignorePattern: '^[-–—·/%×:()\\s]+$' }],
      '@intlify/vue-i18n/no-missing-keys': 'error',
      'vue/html-self-closing': 'off',
      'vue/max-attributes-per-line': 'off',
      'vue/singleline-html-element-content-newline': 'off',
      'vue/multi-word-component-names': 'off',
    },
    settings: {
      'vue-i18n': {
        localeDir: [
          { pattern: './src/locales/??/*.json', localeKey: 'path', localePattern: '/locales/(?<locale>fr|en)/[^/]+$' },
          { pattern: '../adapters/words/??.json', localeKey: 'file' },
        ],
        messageSyntaxVersion: '^11.0.0',
      },
    },
  },
)
