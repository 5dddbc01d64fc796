package pl.ibok;

import jakarta.persistence.LockModeType;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.keycloak.common.util.MultivaluedHashMap;
import org.keycloak.common.util.Time;
import org.keycloak.connections.jpa.JpaConnectionProvider;
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
import org.keycloak.models.jpa.entities.CredentialEntity;
import org.keycloak.models.utils.KeycloakModelUtils;
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
            .map(CredentialModel::getCreatedDate).filter(Objects::nonNull).mapToLong(Long::longValue).max().orElse(Long.MIN_VALUE);
        return stored(user).filter(found -> now < number(found.getCredentialData(), EXPIRES_AT) && found.getCreatedDate() > own);
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

    /**
     * Takes one of the few tries at it before anything is compared, under a lock on the row and committed at once: tries at
     * the same moment count each, and the right password is not found by many at once (P05).
     *
     * @return the number of this try, 0 when none was left; the last one that is allowed may still be the right one
     */
    long takeTry(RealmModel realm, UserModel user, CredentialModel found) {
        return changeTries(realm, user, found, 1);
    }

    /** The right one costs no try. */
    void giveTryBack(RealmModel realm, UserModel user, CredentialModel found) {
        changeTries(realm, user, found, -1);
    }

    /** Take this one away, committed at once. */
    void remove(RealmModel realm, UserModel user, CredentialModel found) {
        changeTries(realm, user, found, Settings.tries(realm) + 1);
    }

    private long changeTries(RealmModel realm, UserModel user, CredentialModel found, long change) {
        return KeycloakModelUtils.runJobInTransactionWithResult(session.getKeycloakSessionFactory(), session.getContext(), own -> {
            // past the user cache, which may not know yet what another request has just counted
            CredentialEntity row = own.getProvider(JpaConnectionProvider.class).getEntityManager()
                .find(CredentialEntity.class, found.getId(), LockModeType.PESSIMISTIC_WRITE);
            UserModel owner = own.users().getUserById(own.getContext().getRealm(), user.getId());
            if (row == null || owner == null) {
                return 0L;
            }
            long tries = number(row.getCredentialData(), WRONG_GUESSES) + change;
            if (tries > Settings.tries(realm)) {
                owner.credentialManager().removeStoredCredentialById(found.getId());
                return 0L;
            }
            CredentialModel counted = new CredentialModel();
            counted.setId(row.getId());
            counted.setType(row.getType());
            counted.setCreatedDate(row.getCreatedDate());
            counted.setUserLabel(row.getUserLabel());
            counted.setSecretData(row.getSecretData());
            counted.setCredentialData(with(row.getCredentialData(), WRONG_GUESSES, Math.max(0, tries)));
            owner.credentialManager().updateStoredCredential(counted);
            return tries;
        }, "count a try at a temporary password");
    }

    boolean matches(CredentialModel found, String typed) {
        HashCount.oneMore(session, found);
        PasswordCredentialModel password = PasswordCredentialModel.createFromCredentialModel(found);
        PasswordHashProvider hash = session.getProvider(PasswordHashProvider.class, password.getPasswordCredentialData().getAlgorithm());
        return hash != null && hash.verify(typed, password);
    }

    /** Whether this server has the algorithm at all. */
    boolean knowsHash(String credentialData) {
        return session.getProvider(PasswordHashProvider.class, data(credentialData).getAlgorithm()) != null;
    }

    private Optional<CredentialModel> stored(UserModel user) {
        return user.credentialManager().getStoredCredentialsByTypeStream(TYPE).findFirst();
    }

    private static long number(String credentialData, String name) {
        String value = data(credentialData).getAdditionalParameters().getFirst(name);
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
