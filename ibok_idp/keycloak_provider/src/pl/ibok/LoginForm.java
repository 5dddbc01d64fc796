package pl.ibok;

import jakarta.ws.rs.core.MultivaluedHashMap;
import jakarta.ws.rs.core.MultivaluedMap;
import jakarta.ws.rs.core.Response;
import org.keycloak.authentication.AuthenticationFlowContext;
import org.keycloak.authentication.FlowStatus;
import org.keycloak.authentication.authenticators.browser.UsernamePasswordForm;
import org.keycloak.credential.CredentialModel;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.UserModel;
import org.keycloak.models.credential.PasswordCredentialModel;
import org.keycloak.services.managers.AuthenticationManager;
import org.keycloak.services.validation.Validation;

/**
 * Keycloak's own login form, which accepts one of two things: the password, or the outstanding temporary password.
 *
 * <p>The temporary one leads only and always to "set your own password" (S7), and leaves no trace on the account when
 * the login is abandoned: the required action stands on the authentication session, nothing is used up. A password set
 * by somebody else (S5) may be used for a first login as long as its life lasts (S6). A refusal costs the same hashes
 * and shows the same words whatever the login is (P10).
 */
public class LoginForm extends UsernamePasswordForm {
    /** Event detail: which of the two was used; Keycloak overwrites its own `auth_method`. */
    static final String DETAIL = "ibok_password";
    static final String USED_TEMPORARY = "ibok-temporary-used";
    static final String PASSWORD_USED = "ibok-password-used";
    static final String PASSWORD_SEEN = "ibok-password-seen";
    private static final String TYPED = "password";

    public LoginForm(KeycloakSession session) {
        super(session);
    }

    @Override
    public void action(AuthenticationFlowContext context) {
        super.action(context);
        if (context.getStatus() != FlowStatus.SUCCESS) {
            String typed = context.getHttpRequest().getDecodedFormParameters().getFirst(TYPED);
            HashCount.fillUpTo(context.getSession(), looksTemporary(context, typed) ? 2 : 1);
            HashCount.blur();
        }
    }

    @Override
    public boolean validatePassword(AuthenticationFlowContext context, UserModel user, MultivaluedMap<String, String> form, boolean clearUser) {
        String typed = form.getFirst(TYPED);
        rememberPassword(context, user);
        CredentialModel guessedAt = null;
        long thisTry = 0;
        TemporaryPasswords temporary = TemporaryPasswords.of(context.getSession());
        if (looksTemporary(context, typed)) {
            CredentialModel found = temporary.outstanding(user).orElse(null);
            thisTry = found == null ? 0 : temporary.takeTry(context.getRealm(), user, found);
            if (thisTry > 0 && temporary.matches(found, Settings.withoutSpacesAround(typed))) {
                temporary.giveTryBack(context.getRealm(), user, found);
                if (user.isEnabled()) {
                    return acceptTemporary(context, user, found);
                }
            } else if (thisTry > 0) {
                guessedAt = found;
            }
        }
        context.getEvent().detail(DETAIL, guessedAt == null ? "own" : "temporary");
        MultivaluedMap<String, String> asMeant = withoutSpacesAroundAnActivation(context, user, form);
        if (!Passwords.telling(context.getSession(), () -> super.validatePassword(context, user, asMeant, clearUser))) {
            if (guessedAt != null && thisTry >= Settings.tries(context.getRealm())) {
                temporary.remove(context.getRealm(), user, guessedAt);
            }
            return false;
        }
        if (guessedAt != null) {
            temporary.giveTryBack(context.getRealm(), user, guessedAt); // an own password that looks like a temporary one
        }
        tell(context, mustChange(user) ? "activation" : "own");
        return !refuseExpired(context, user, clearUser);
    }

    @Override
    public void testInvalidUser(AuthenticationFlowContext context, UserModel user) {
        super.testInvalidUser(context, user);
        if (user == null) {
            HashCount.oneMore(context.getSession()); // Keycloak's own, for a login that nobody has
        }
    }

    /** Keycloak puts words about the account elsewhere than words about the password; here they stand in one place. */
    @Override
    protected Response challenge(AuthenticationFlowContext context, String error, String field) {
        return super.challenge(context, error, error == null ? field : Validation.FIELD_USERNAME);
    }

    /** The right temporary password also lifts a lock: real people guess five times and then ask for it. */
    private static boolean acceptTemporary(AuthenticationFlowContext context, UserModel user, CredentialModel found) {
        context.getSession().loginFailures().removeUserLoginFailure(context.getRealm(), user.getId());
        context.getAuthenticationSession().addRequiredAction(UserModel.RequiredAction.UPDATE_PASSWORD);
        context.getAuthenticationSession().setAuthNote(USED_TEMPORARY, found.getId());
        tell(context, "temporary");
        return true;
    }

    /** Also for the events of the page that may follow, which comes with another request. */
    private static void tell(AuthenticationFlowContext context, String used) {
        context.getEvent().detail(DETAIL, used);
        context.getAuthenticationSession().setAuthNote(PASSWORD_USED, used);
    }

    /** What "set your own password" compares with: somebody else may have set one meanwhile, in another browser. */
    private static void rememberPassword(AuthenticationFlowContext context, UserModel user) {
        context.getAuthenticationSession().removeAuthNote(USED_TEMPORARY);
        context.getAuthenticationSession().setAuthNote(PASSWORD_SEEN, OwnPassword.fingerprint(user));
    }

    /** A password copied out of a mail often brings a space along (S5); in an own password a space is a character. */
    private static MultivaluedMap<String, String> withoutSpacesAroundAnActivation(
            AuthenticationFlowContext context, UserModel user, MultivaluedMap<String, String> form) {
        String typed = form.getFirst(TYPED);
        boolean activation = user.credentialManager().getStoredCredentialsByTypeStream(PasswordCredentialModel.TYPE)
            .anyMatch(found -> Passwords.isActivation(user, found));
        if (!activation || !looksTemporary(context, typed)) {
            return form;
        }
        MultivaluedMap<String, String> stripped = new MultivaluedHashMap<>(form);
        stripped.putSingle(TYPED, Settings.withoutSpacesAround(typed));
        return stripped;
    }

    private boolean refuseExpired(AuthenticationFlowContext context, UserModel user, boolean clearUser) {
        boolean expired = Passwords.expired(context.getSession(), user);
        if (expired) {
            context.getAuthenticationSession().removeAuthNote(AuthenticationManager.PASSWORD_VALIDATED);
            context.getEvent().user(user);
            context.getEvent().error("temporary_password_expired");
            // not a wrong guess, so not a failure that counts for brute-force protection
            context.forceChallenge(challenge(context, "ibokTemporaryPasswordExpired", TYPED));
            if (clearUser) {
                context.clearUser();
            }
        }
        return expired;
    }

    private static boolean looksTemporary(AuthenticationFlowContext context, String typed) {
        return typed != null && Settings.looksTemporary(context.getRealm(), Settings.withoutSpacesAround(typed));
    }

    private static boolean mustChange(UserModel user) {
        return user.getRequiredActionsStream().anyMatch(UserModel.RequiredAction.UPDATE_PASSWORD.name()::equals);
    }
}
