package pl.ibok;

import java.util.List;
import java.util.Optional;
import org.keycloak.common.util.MultivaluedHashMap;
import org.keycloak.common.util.Time;
import org.keycloak.credential.CredentialInput;
import org.keycloak.credential.CredentialInputValidator;
import org.keycloak.credential.CredentialModel;
import org.keycloak.credential.CredentialProvider;
import org.keycloak.credential.CredentialTypeMetadata;
import org.keycloak.credential.CredentialTypeMetadataContext;
import org.keycloak.credential.hash.PasswordHashProvider;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.RealmModel;
import org.keycloak.models.UserModel;
import org.keycloak.models.credential.PasswordCredentialModel;
import org.keycloak.models.credential.dto.PasswordCredentialData;
import org.keycloak.util.JsonSerialization;

/**
 * The outstanding temporary password of a user (rule S7): an own credential type beside the password.
 *
 * <p>It is good until its time is over, until a newer one replaces it, until somebody voids it, after too many wrong
 * guesses at it, or until the password itself was set anew, by whichever way: it must be younger than the password.
 */
public class TemporaryPasswords implements CredentialProvider<CredentialModel>, CredentialInputValidator {
    public static final String TYPE = "ibok-temporary-password";
    private static final String EXPIRES_AT = "expiresAt";
    private static final String WRONG_GUESSES = "wrongGuesses";
    private final KeycloakSession session;

    TemporaryPasswords(KeycloakSession session) {
        this.session = session;
    }

    static TemporaryPasswords of(KeycloakSession session) {
        return (TemporaryPasswords) session.getProvider(CredentialProvider.class, TYPE);
    }

    /** The temporary password of the user that may still be used. */
    Optional<CredentialModel> outstanding(UserModel user) {
        long now = Time.currentTimeMillis();
        long own = user.credentialManager().getStoredCredentialsByTypeStream(PasswordCredentialModel.TYPE)
            .mapToLong(CredentialModel::getCreatedDate).max().orElse(Long.MIN_VALUE);
        return stored(user).filter(found -> now < number(found, EXPIRES_AT) && found.getCreatedDate() > own);
    }

    /** Replace whatever the user has by a new one that dies at the given moment (milliseconds since the epoch). */
    void replace(RealmModel realm, UserModel user, String credentialData, String secretData, long expiresAt) {
        CredentialModel model = new CredentialModel();
        model.setCredentialData(with(credentialData, EXPIRES_AT, expiresAt));
        model.setSecretData(secretData);
        model.setUserLabel("tymczasowe / temporary");
        createCredential(realm, user, model);
    }

    /** Take every one away; true when there was one. */
    boolean voidAll(UserModel user) {
        List<CredentialModel> found = user.credentialManager().getStoredCredentialsByTypeStream(TYPE).toList();
        found.forEach(each -> user.credentialManager().removeStoredCredentialById(each.getId()));
        return !found.isEmpty();
    }

    /** Count a wrong guess; the last one that is allowed voids it. */
    void wrongGuess(RealmModel realm, UserModel user, CredentialModel guessedAt) {
        long guesses = number(guessedAt, WRONG_GUESSES) + 1;
        if (guesses >= Settings.tries(realm)) {
            user.credentialManager().removeStoredCredentialById(guessedAt.getId());
        } else {
            guessedAt.setCredentialData(with(guessedAt.getCredentialData(), WRONG_GUESSES, guesses));
            user.credentialManager().updateStoredCredential(guessedAt);
        }
    }

    boolean matches(CredentialModel found, String typed) {
        PasswordCredentialModel password = PasswordCredentialModel.createFromCredentialModel(found);
        PasswordHashProvider hash = session.getProvider(PasswordHashProvider.class, password.getPasswordCredentialData().getAlgorithm());
        return hash != null && hash.verify(typed, password);
    }

    boolean knowsHash(String credentialData) {
        return session.getProvider(PasswordHashProvider.class, data(credentialData).getAlgorithm()) != null;
    }

    private Optional<CredentialModel> stored(UserModel user) {
        return user.credentialManager().getStoredCredentialsByTypeStream(TYPE).findFirst();
    }

    private static long number(CredentialModel model, String name) {
        String value = data(model.getCredentialData()).getAdditionalParameters().getFirst(name);
        return value == null ? 0 : Long.parseLong(value);
    }

    private static String with(String credentialData, String name, long value) {
        PasswordCredentialData data = data(credentialData);
        MultivaluedHashMap<String, String> parameters = new MultivaluedHashMap<>(data.getAdditionalParameters());
        parameters.putSingle(name, Long.toString(value));
        try {
            return JsonSerialization.writeValueAsString(new PasswordCredentialData(data.getHashIterations(), data.getAlgorithm(), parameters));
        } catch (java.io.IOException error) {
            throw new IllegalStateException(error);
        }
    }

    private static PasswordCredentialData data(String credentialData) {
        try {
            return JsonSerialization.readValue(credentialData, PasswordCredentialData.class);
        } catch (java.io.IOException error) {
            throw new IllegalArgumentException("credentialData is not what Keycloak writes for a password", error);
        }
    }

    // -- what Keycloak asks of a credential type ------------------------------------------------------------------

    @Override
    public String getType() {
        return TYPE;
    }

    @Override
    public CredentialModel createCredential(RealmModel realm, UserModel user, CredentialModel model) {
        voidAll(user);
        model.setType(TYPE);
        model.setCreatedDate(Time.currentTimeMillis());
        return user.credentialManager().createStoredCredential(model);
    }

    @Override
    public boolean deleteCredential(RealmModel realm, UserModel user, String id) {
        return user.credentialManager().removeStoredCredentialById(id);
    }

    @Override
    public CredentialModel getCredentialFromModel(CredentialModel model) {
        return model;
    }

    @Override
    public boolean supportsCredentialType(String type) {
        return TYPE.equals(type);
    }

    @Override
    public boolean isConfiguredFor(RealmModel realm, UserModel user, String type) {
        return TYPE.equals(type) && outstanding(user).isPresent();
    }

    /** Only LoginForm accepts it, where "set your own password" follows; no other flow may. */
    @Override
    public boolean isValid(RealmModel realm, UserModel user, CredentialInput input) {
        return false;
    }

    @Override
    public CredentialTypeMetadata getCredentialTypeMetadata(CredentialTypeMetadataContext context) {
        return CredentialTypeMetadata.builder().type(TYPE).category(CredentialTypeMetadata.Category.BASIC_AUTHENTICATION)
            .displayName("ibok-temporary-password-display").helpText("ibok-temporary-password-help").removeable(true).build(session);
    }
}
