import '@fontsource-variable/inter'
import { createPinia } from 'pinia'
import { createApp } from 'vue'

import { whenEnded } from './api/client'
import App from './App.vue'
import { useSession } from './features/people/session/store'
import { i18n } from './i18n'
import { router } from './router'
import './style.css'

const app = createApp(App).use(createPinia()).use(i18n).use(router)
// Until it is known what to show, the page shows that it is loading.
void router.isReady().then(() => app.mount('#app'))
whenEnded(() => {
  useSession().current = null
  void router.push({ name: 'login', query: { ended: '1', to: router.currentRoute.value.fullPath } })
})
