package pl.ibok;

import java.util.Optional;
import java.util.stream.Stream;
import org.keycloak.authentication.RequiredActionContext;
import org.keycloak.authentication.RequiredActionProvider;
import org.keycloak.authentication.requiredactions.UpdatePassword;
import org.keycloak.credential.CredentialModel;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.UserModel;
import org.keycloak.models.credential.PasswordCredentialModel;
import org.keycloak.models.utils.FormMessage;
import org.keycloak.policy.PasswordPolicyManagerProvider;

/**
 * Keycloak's UPDATE_PASSWORD, which also knows the temporary password: it is refused as the new one, it dies with the
 * first own password, and of two browsers that both stand at this page one wins and the other is told.
 */
public class OwnPassword extends UpdatePassword {
    /** On a password that its owner chose; the console shows it. One without it was set by somebody else. */
    static final String LABEL = "własne / own";
    static final String TOLD = "ibok_password_already_set";

    @Override
    public RequiredActionProvider create(KeycloakSession session) {
        return new OwnPassword();
    }

    /** Above Keycloak's own provider of the same id. */
    @Override
    public int order() {
        return 100;
    }

    @Override
    public void processAction(RequiredActionContext context) {
        UserModel user = context.getUser();
        TemporaryPasswords temporary = TemporaryPasswords.of(context.getSession());
        String used = context.getAuthenticationSession().getAuthNote(LoginForm.USED_TEMPORARY);
        String seen = context.getAuthenticationSession().getAuthNote(LoginForm.PASSWORD_SEEN);
        String told = context.getAuthenticationSession().getAuthNote(LoginForm.PASSWORD_USED);
        context.getEvent().detail(LoginForm.DETAIL, told == null ? "own" : told);
        CredentialModel left = used == null ? null : user.credentialManager().getStoredCredentialById(used);
        if ((used != null && left == null) || (seen != null && !seen.equals(fingerprint(user)))) {
            context.failure(TOLD);
            return;
        }
        String typed = context.getHttpRequest().getDecodedFormParameters().getFirst("password-new");
        if (typed != null && mailed(user, left, temporary).anyMatch(found -> temporary.matches(found, Settings.withoutSpacesAround(typed)))) {
            refuseSame(context);
            return;
        }
        // Removing takes a lock on the row: a second browser waits here and then finds it gone. Only a password that
        // will be taken claims it; a refused one leaves everything as it was.
        if (used != null && acceptable(context, typed) && !user.credentialManager().removeStoredCredentialById(used)) {
            context.failure(TOLD);
            return;
        }
        super.processAction(context);
        if (context.getStatus() == RequiredActionContext.Status.SUCCESS) {
            temporary.voidAll(user);
            user.credentialManager().getStoredCredentialsByTypeStream(PasswordCredentialModel.TYPE).findFirst()
                .ifPresent(own -> user.credentialManager().updateCredentialLabel(own.getId(), LABEL));
        }
    }

    /** The passwords that came by mail: the temporary one, and an activation password that still has to be changed. */
    private static Stream<CredentialModel> mailed(UserModel user, CredentialModel used, TemporaryPasswords temporary) {
        Stream<CredentialModel> activation = user.credentialManager().getStoredCredentialsByTypeStream(PasswordCredentialModel.TYPE)
            .filter(found -> Passwords.isActivation(user, found));
        return Stream.concat(Optional.ofNullable(used).or(() -> temporary.outstanding(user)).stream(), activation);
    }

    /** Which password the user has, without saying anything about it. */
    static String fingerprint(UserModel user) {
        return user.credentialManager().getStoredCredentialsByTypeStream(PasswordCredentialModel.TYPE).findFirst()
            .map(found -> found.getId() + ":" + found.getCreatedDate()).orElse("none");
    }

    private static boolean acceptable(RequiredActionContext context, String typed) {
        String again = context.getHttpRequest().getDecodedFormParameters().getFirst("password-confirm");
        return typed != null && !typed.isBlank() && typed.equals(again)
            && context.getSession().getProvider(PasswordPolicyManagerProvider.class).validate(context.getRealm(), context.getUser(), typed) == null;
    }

    private static void refuseSame(RequiredActionContext context) {
        context.challenge(context.form()
            .setAttribute("username", context.getAuthenticationSession().getAuthenticatedUser().getUsername())
            .addError(new FormMessage("password", "ibokSameAsTemporary"))
            .createResponse(UserModel.RequiredAction.UPDATE_PASSWORD));
    }
}
