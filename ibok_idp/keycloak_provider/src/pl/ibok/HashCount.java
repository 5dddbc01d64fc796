package pl.ibok;

import java.security.SecureRandom;
import org.keycloak.authentication.AuthenticationFlowContext;
import org.keycloak.authentication.authenticators.util.AuthenticatorUtils;
import org.keycloak.models.KeycloakSession;

/**
 * How many passwords this request has hashed. Hashing is nearly all the time that a login takes, so whoever refuses one
 * hashes on until every refusal has cost as much: a stranger learns nothing from the time.
 */
final class HashCount {
    private static final String ATTRIBUTE = "ibok.hashes";

    private static final int LONGEST_BLUR = 60; // ms
    private static final SecureRandom CHANCE = new SecureRandom();

    private HashCount() {}

    static void oneMore(KeycloakSession session) {
        session.setAttribute(ATTRIBUTE, of(session) + 1);
    }

    static void fillUpTo(AuthenticationFlowContext context, int wanted) {
        for (int made = of(context.getSession()); made < wanted; made++) {
            AuthenticatorUtils.dummyHash(context);
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

    private static int of(KeycloakSession session) {
        return session.getAttributeOrDefault(ATTRIBUTE, 0);
    }
}
