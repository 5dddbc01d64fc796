package pl.ibok;

import org.keycloak.common.util.Time;
import org.keycloak.credential.CredentialInput;
import org.keycloak.credential.CredentialModel;
import org.keycloak.credential.PasswordCredentialProvider;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.RealmModel;
import org.keycloak.models.UserModel;
import org.keycloak.models.credential.PasswordCredentialModel;

/**
 * Keycloak's check of a password, which refuses an activation password past its life (S5, S6).
 *
 * <p>Every flow, form and grant of Keycloak asks this one provider, so no client and no flow of the realm is a way round.
 * Only a form of ours may ask to be told instead, for it then says a sentence of its own.
 */
public class Passwords extends PasswordCredentialProvider {
    private static final String TOLD = "ibok.expired-activation-password-is-told";
    private static final String EXPIRED = "ibok.expired-activation-password";
    private final PasswordCredentialProvider stock;

    Passwords(KeycloakSession session, PasswordCredentialProvider stock) {
        super(session, null, false, false, false, false, false); // the stock one keeps the metrics
        this.stock = stock;
    }

    @Override
    public boolean isValid(RealmModel realm, UserModel user, CredentialInput input) {
        PasswordCredentialModel password = getPassword(realm, user);
        if (password != null) {
            HashCount.oneMore(session, password);
        }
        if (!stock.isValid(realm, user, input)) {
            return false;
        }
        if (!isActivation(user, password) || !pastItsLife(realm, password)) {
            return true;
        }
        session.setAttribute(EXPIRED, user.getId());
        return session.getAttributeOrDefault(TOLD, false);
    }

    /** Whether somebody else set it and its owner has still to set an own one. */
    static boolean isActivation(UserModel user, CredentialModel password) {
        return !OwnPassword.LABEL.equals(password.getUserLabel())
            && user.getRequiredActionsStream().anyMatch(UserModel.RequiredAction.UPDATE_PASSWORD.name()::equals);
    }

    /** Run a form's check, which lets an expired activation password pass and must then ask {@link #expired}. */
    static boolean telling(KeycloakSession session, java.util.function.BooleanSupplier check) {
        session.setAttribute(TOLD, true);
        try {
            return check.getAsBoolean();
        } finally {
            session.removeAttribute(TOLD);
        }
    }

    /** Whether the password of this user, checked in this request, was the right one and too old. */
    static boolean expired(KeycloakSession session, UserModel user) {
        return user.getId().equals(session.getAttribute(EXPIRED));
    }

    private static boolean pastItsLife(RealmModel realm, CredentialModel password) {
        if (!Settings.governs(realm)) {
            return false;
        }
        Long made = password.getCreatedDate();
        return made == null || made < Time.currentTimeMillis() - Settings.activationLife(realm).toMillis();
    }
}
