import { router } from '../../../router'

/** Go to the login by loading it anew: nothing of who was logged in is left in any store. */
export function depart(query: { left: '1' } | { ended: '1'; to: string }): void {
  if (router.currentRoute.value.name !== 'login') location.assign(router.resolve({ name: 'login', query }).href)
}
