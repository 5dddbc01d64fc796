package pl.ibok;

import java.security.SecureRandom;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.keycloak.credential.CredentialModel;
import org.keycloak.credential.hash.PasswordHashProvider;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.PasswordPolicy;
import org.keycloak.models.credential.PasswordCredentialModel;
import org.keycloak.models.credential.dto.PasswordCredentialData;

/**
 * How much this request has hashed. Hashing is nearly all the time that a login takes, so whoever refuses one hashes on
 * until every refusal has cost as much: a stranger learns nothing from the time.
 *
 * <p>Counted in passes over the memory: a temporary password is hashed with fewer of them than the realm's policy asks of an
 * own one, and what is missing is made up for.
 */
final class HashCount {
    private static final String ATTRIBUTE = "ibok.hash-passes";
    private static final String ANYTHING = "SlightlyLongerDummyPassword";
    private static final int LONGEST_BLUR = 60; // ms
    private static final SecureRandom CHANCE = new SecureRandom();
    private static final Map<String, PasswordCredentialData> OF_POLICY = new ConcurrentHashMap<>();

    private HashCount() {}

    /** One by the realm's policy. */
    static void oneMore(KeycloakSession session) {
        add(session, ofPolicy(session).getHashIterations());
    }

    /** One comparison with this stored password. */
    static void oneMore(KeycloakSession session, CredentialModel compared) {
        PasswordCredentialData stored = PasswordCredentialModel.createFromCredentialModel(compared).getPasswordCredentialData();
        PasswordCredentialData own = ofPolicy(session);
        boolean alike = own.getAlgorithm().equals(stored.getAlgorithm());
        add(session, alike ? Math.min(own.getHashIterations(), stored.getHashIterations()) : own.getHashIterations());
    }

    /** Hash on until as much was hashed as so many passwords of the realm's policy cost. */
    static void fillUpTo(KeycloakSession session, int wanted) {
        int whole = ofPolicy(session).getHashIterations();
        for (int missing = wanted * whole - of(session); missing > 0; missing -= whole) {
            provider(session).encodedCredential(ANYTHING, Math.min(whole, missing));
        }
    }

    /** A moment of chance, in which what is left of a difference drowns: a row locked, a failure noted down. */
    static void blur() {
        try {
            Thread.sleep(CHANCE.nextInt(LONGEST_BLUR));
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
    }

    private static void add(KeycloakSession session, int passes) {
        session.setAttribute(ATTRIBUTE, of(session) + passes);
    }

    private static int of(KeycloakSession session) {
        return session.getAttributeOrDefault(ATTRIBUTE, 0);
    }

    /** How the realm hashes an own password; a policy that leaves the number of passes to the provider is asked once by a hash. */
    private static PasswordCredentialData ofPolicy(KeycloakSession session) {
        PasswordPolicy policy = session.getContext().getRealm().getPasswordPolicy();
        String name = policy.getHashAlgorithm() + "/" + policy.getHashIterations();
        return OF_POLICY.computeIfAbsent(name, made ->
            provider(session).encodedCredential(ANYTHING, policy.getHashIterations()).getPasswordCredentialData());
    }

    private static PasswordHashProvider provider(KeycloakSession session) {
        String algorithm = session.getContext().getRealm().getPasswordPolicy().getHashAlgorithm();
        return algorithm == null ? session.getProvider(PasswordHashProvider.class) : session.getProvider(PasswordHashProvider.class, algorithm);
    }
}
