// What Keycloak's template does in the page itself: another tab that logs in, or a login that began anew, is noticed here.
import { checkAuthSession, startSessionPolling } from './authChecker.js';

const { ssoUrl, authSession } = document.body.dataset;
if (ssoUrl) startSessionPolling(ssoUrl);
if (authSession) checkAuthSession(authSession);

// The answer to a form can be loaded again without sending the form again: its address is that of the form, without the code that
// is good once (Keycloak's BrowserHistoryHelper would write this into the page).
const form = document.querySelector('form[action*="/login-actions/"]');
if (form && location.pathname.includes('/login-actions/')) {
  const address = new URL(form.action);
  address.searchParams.delete('session_code');
  history.replaceState({}, '', address);
}
