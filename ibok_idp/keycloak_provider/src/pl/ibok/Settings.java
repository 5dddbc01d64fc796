package pl.ibok;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.regex.Pattern;
import org.jboss.logging.Logger;
import org.keycloak.models.RealmModel;

/** What the realm configures (realm attributes, written by `ibok-idp realm apply`), and the version of this jar. */
final class Settings {
    static final String ACTIVATION_LIFE_HOURS = "ibok.activationPasswordLifeHours";
    static final String LONGEST_RESET_LIFE_HOURS = "ibok.temporaryPasswordLongestLifeHours";
    static final String TRIES = "ibok.temporaryPasswordTries";
    static final String PATTERN = "ibok.temporaryPasswordPattern";

    private static final Logger LOG = Logger.getLogger(Settings.class);

    private Settings() {}

    /** Whether the realm is one of ours; others on the same server keep Keycloak's own ways. */
    static boolean governs(RealmModel realm) {
        return realm.getAttributes().keySet().stream().anyMatch(name -> name.startsWith("ibok."));
    }

    /** How long a password that somebody else set may be used for a first login (14 days unless configured). */
    static Duration activationLife(RealmModel realm) {
        return Duration.ofHours(number(realm, ACTIVATION_LIFE_HOURS, 14 * 24));
    }

    /** No temporary password beside the old one lives longer than this (24 hours unless configured). */
    static Duration longestResetLife(RealmModel realm) {
        return Duration.ofHours(number(realm, LONGEST_RESET_LIFE_HOURS, 24));
    }

    /** After so many wrong guesses at it a temporary password is void (5 unless configured). */
    static long tries(RealmModel realm) {
        return number(realm, TRIES, 5);
    }

    /** What was typed without what copying from a mail brings along: spaces of every kind, and signs that nobody sees. */
    static String withoutSpacesAround(String typed) {
        int[] signs = typed.codePoints().toArray();
        int from = 0;
        int to = signs.length;
        while (from < to && isSpace(signs[from])) {
            from++;
        }
        while (from < to && isSpace(signs[to - 1])) {
            to--;
        }
        return new String(signs, from, to - from);
    }

    private static boolean isSpace(int sign) {
        return Character.isWhitespace(sign) || Character.isSpaceChar(sign) || Character.getType(sign) == Character.FORMAT;
    }

    /** Whether what was typed has the shape of a temporary password: only then was it guessed at. */
    static boolean looksTemporary(RealmModel realm, String typed) {
        String pattern = realm.getAttribute(PATTERN);
        return pattern == null || Pattern.matches(pattern, typed);
    }

    static Map<String, String> about() {
        try (InputStream version = Settings.class.getResourceAsStream("/ibok-provider-version.txt")) {
            return Map.of("version", new String(version.readAllBytes(), StandardCharsets.UTF_8).strip());
        } catch (IOException error) {
            throw new IllegalStateException("The jar of the iBOK provider is damaged: build it again", error);
        }
    }

    private static long number(RealmModel realm, String name, long otherwise) {
        String value = realm.getAttribute(name);
        if (value == null || value.isBlank()) {
            return otherwise;
        }
        try {
            return Long.parseLong(value.strip());
        } catch (NumberFormatException error) { // typed wrongly in the console: nobody must be kept out by it
            LOG.errorf("The realm attribute %s is not a number; %d is used: run `ibok-idp realm diff`", name, otherwise);
            return otherwise;
        }
    }
}
