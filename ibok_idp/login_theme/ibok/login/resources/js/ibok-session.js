// What Keycloak's template starts in the page itself: another tab that logs in, or a login that began anew, is noticed here.
import { checkAuthSession, startSessionPolling } from './authChecker.js';

const { ssoUrl, authSession } = document.body.dataset;
if (ssoUrl) startSessionPolling(ssoUrl);
if (authSession) checkAuthSession(authSession);
