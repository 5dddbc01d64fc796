package pl.ibok;

import jakarta.ws.rs.core.MultivaluedMap;
import org.keycloak.authentication.AuthenticationFlowContext;
import org.keycloak.authentication.authenticators.browser.UsernamePasswordForm;
import org.keycloak.authentication.authenticators.util.AuthenticatorUtils;
import org.keycloak.common.util.Time;
import org.keycloak.credential.CredentialModel;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.UserModel;
import org.keycloak.models.credential.PasswordCredentialModel;

/**
 * Keycloak's own login form, which accepts one of two things: the password, or the outstanding temporary password.
 *
 * <p>The temporary one leads only and always to "set your own password" (S7), and leaves no trace on the account when
 * the login is abandoned: the required action stands on the authentication session, nothing is used up. A password set
 * by somebody else (S5) may be used for a first login as long as its life lasts (S6).
 */
public class LoginForm extends UsernamePasswordForm {
    /** Event detail: which of the two was used; Keycloak overwrites its own `auth_method`. */
    static final String DETAIL = "ibok_password";
    static final String USED_TEMPORARY = "ibok-temporary-used";
    static final String PASSWORD_SEEN = "ibok-password-seen";

    public LoginForm(KeycloakSession session) {
        super(session);
    }

    @Override
    public boolean validatePassword(AuthenticationFlowContext context, UserModel user, MultivaluedMap<String, String> form, boolean clearUser) {
        String typed = form.getFirst("password");
        rememberPassword(context, user);
        CredentialModel guessedAt = null;
        TemporaryPasswords temporary = TemporaryPasswords.of(context.getSession());
        if (typed != null && Settings.looksTemporary(context.getRealm(), typed.strip())) {
            CredentialModel found = temporary.outstanding(user).orElse(null);
            if (found == null) {
                AuthenticatorUtils.dummyHash(context); // as long as with one: nobody learns whether there is one
            } else if (!temporary.matches(found, typed.strip())) {
                guessedAt = found;
            } else if (user.isEnabled()) {
                return acceptTemporary(context, user, found);
            }
        }
        context.getEvent().detail(DETAIL, guessedAt == null ? "own" : "temporary");
        if (!super.validatePassword(context, user, form, clearUser)) {
            if (guessedAt != null) {
                temporary.wrongGuess(context.getRealm(), user, guessedAt);
            }
            return false;
        }
        context.getEvent().detail(DETAIL, mustChange(user) ? "activation" : "own");
        return !refuseExpired(context, user, clearUser);
    }

    @Override
    public void testInvalidUser(AuthenticationFlowContext context, UserModel user) {
        String typed = context.getHttpRequest().getDecodedFormParameters().getFirst("password");
        if (user == null && typed != null && Settings.looksTemporary(context.getRealm(), typed.strip())) {
            AuthenticatorUtils.dummyHash(context); // as long as for a known login
        }
        super.testInvalidUser(context, user);
    }

    /** The right temporary password also lifts a lock: real people guess five times and then ask for it. */
    private static boolean acceptTemporary(AuthenticationFlowContext context, UserModel user, CredentialModel found) {
        context.getSession().loginFailures().removeUserLoginFailure(context.getRealm(), user.getId());
        context.getAuthenticationSession().addRequiredAction(UserModel.RequiredAction.UPDATE_PASSWORD);
        context.getAuthenticationSession().setAuthNote(USED_TEMPORARY, found.getId());
        context.getEvent().detail(DETAIL, "temporary");
        return true;
    }

    /** What "set your own password" compares with: somebody else may have set one meanwhile, in another browser. */
    private static void rememberPassword(AuthenticationFlowContext context, UserModel user) {
        context.getAuthenticationSession().removeAuthNote(USED_TEMPORARY);
        context.getAuthenticationSession().setAuthNote(PASSWORD_SEEN, OwnPassword.fingerprint(user));
    }

    private boolean refuseExpired(AuthenticationFlowContext context, UserModel user, boolean clearUser) {
        long oldest = Time.currentTimeMillis() - Settings.activationLife(context.getRealm()).toMillis();
        boolean expired = mustChange(user) && user.credentialManager().getStoredCredentialsByTypeStream(PasswordCredentialModel.TYPE)
            .anyMatch(found -> found.getCreatedDate() < oldest && !OwnPassword.LABEL.equals(found.getUserLabel()));
        if (expired) {
            context.getEvent().user(user);
            context.getEvent().error("temporary_password_expired");
            // not a wrong guess, so not a failure that counts for brute-force protection
            context.forceChallenge(challenge(context, "ibokTemporaryPasswordExpired", "password"));
            if (clearUser) {
                context.clearUser();
            }
        }
        return expired;
    }

    private static boolean mustChange(UserModel user) {
        return user.getRequiredActionsStream().anyMatch(UserModel.RequiredAction.UPDATE_PASSWORD.name()::equals);
    }
}
