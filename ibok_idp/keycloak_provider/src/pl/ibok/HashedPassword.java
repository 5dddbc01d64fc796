package pl.ibok;

import static pl.ibok.StrictJson.names;
import static pl.ibok.StrictJson.require;
import static pl.ibok.StrictJson.text;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Base64;
import java.util.Set;

/**
 * A password that is already hashed, as Keycloak's own export writes it.
 *
 * <p>All of it is checked when it arrives, for nothing checks it later: what is wrong would fail at a login, what is too
 * dear would be paid there by the server each time, and what is too cheap would be guessed. One pass of argon2 is enough
 * for a temporary password, which is 12 characters of chance.
 */
record HashedPassword(String credentialData, String secretData) {
    private static final int LONGEST = 4096; // characters; a real one has about 400
    private static final Set<String> ARGON2 = Set.of("hashLength", "memory", "type", "version", "parallelism");

    /** @throws IllegalArgumentException with words that name what is wrong and never repeat what was sent */
    static HashedPassword of(JsonNode wanted) {
        names(wanted, "a password", Set.of("credentialData", "secretData"), Set.of());
        return read(wanted);
    }

    /** The same of an object that has more than these two. */
    static HashedPassword read(JsonNode wanted) {
        String credentialData = text(wanted, "credentialData");
        String secretData = text(wanted, "secretData");
        int length = hashLength(credentialData);
        checkSecret(secretData, length);
        return new HashedPassword(credentialData, secretData);
    }

    /** Checks cost and shape; how long the hash must be in bytes, 0 when the algorithm does not say. */
    private static int hashLength(String credentialData) {
        JsonNode data = StrictJson.read(credentialData, "credentialData", LONGEST);
        names(data, "credentialData", Set.of("hashIterations", "algorithm", "additionalParameters"), Set.of("additionalParameters"));
        require(data.get("hashIterations").isInt(), "hashIterations must be a whole number");
        int iterations = data.get("hashIterations").intValue();
        JsonNode more = data.path("additionalParameters");
        switch (text(data, "algorithm")) {
            case "argon2":
                names(more, "additionalParameters", ARGON2, Set.of());
                require(Set.of("id", "i", "d").contains(parameter(more, "type")), "type must be id, i or d");
                require(Set.of("1.0", "1.3").contains(parameter(more, "version")), "version must be 1.3 or 1.0");
                int memory = within(number(more, "memory"), 7168, 65536, "memory (KiB)");
                within(number(more, "parallelism"), 1, 4, "parallelism");
                within(iterations, 1, 10, "hashIterations");
                within(memory * iterations, 7168, 1 << 18, "memory (KiB) times hashIterations");
                return within(number(more, "hashLength"), 16, 64, "hashLength (bytes)");
            case "pbkdf2-sha256", "pbkdf2-sha512":
                require(more.isMissingNode() || (more.isObject() && more.isEmpty()), "additionalParameters must be empty");
                within(iterations, 200_000, 2_000_000, "hashIterations");
                return 0;
            default:
                throw new IllegalArgumentException("algorithm must be argon2, pbkdf2-sha256 or pbkdf2-sha512");
        }
    }

    private static void checkSecret(String secretData, int length) {
        JsonNode secret = StrictJson.read(secretData, "secretData", LONGEST);
        names(secret, "secretData", Set.of("value", "salt", "additionalParameters"), Set.of("additionalParameters"));
        JsonNode more = secret.path("additionalParameters");
        require(more.isMissingNode() || (more.isObject() && more.isEmpty()), "additionalParameters of secretData must be empty");
        int value = bytes(secret, "value");
        require(length == 0 || value == length, "value must be as long as hashLength says");
        within(value, 16, 64, "value (bytes)");
        within(bytes(secret, "salt"), 16, 64, "salt (bytes)");
    }

    /** Keycloak writes each parameter as a list of one text. */
    private static String parameter(JsonNode parameters, String name) {
        JsonNode values = parameters.get(name);
        require(values.isArray() && values.size() == 1 && values.get(0).isTextual(), name + " must be a list of one text");
        return values.get(0).textValue();
    }

    private static int number(JsonNode parameters, String name) {
        String value = parameter(parameters, name);
        require(value.matches("[0-9]{1,6}"), name + " must be a whole number");
        return Integer.parseInt(value);
    }

    private static int bytes(JsonNode node, String name) {
        try {
            return Base64.getDecoder().decode(text(node, name)).length;
        } catch (IllegalArgumentException error) {
            throw new IllegalArgumentException(name + " must be Base64");
        }
    }

    private static int within(int value, int least, int most, String what) {
        require(least <= value && value <= most, what + " must be " + least + " to " + most);
        return value;
    }
}
