import '@fontsource-variable/inter'
import { createPinia } from 'pinia'
import { createApp } from 'vue'

import { whenEnded } from './api/client'
import App from './App.vue'
import { depart } from './features/people/session/departure'
import { i18n } from './i18n'
import { router } from './router'
import './style.css'

const app = createApp(App).use(createPinia()).use(i18n).use(router)
// Until it is known what to show, the page shows that it is loading.
void router.isReady().then(() => app.mount('#app'))
whenEnded(() => {
  depart({ ended: '1', to: router.currentRoute.value.fullPath })
})
