package pl.ibok;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A password that is already hashed, as Keycloak's own export writes it, and the end of its life.
 *
 * <p>All of it is checked when it arrives, for nothing checks it later: what is wrong would fail at a login, what is too
 * dear would be paid there by the server each time, and what is too cheap would be guessed.
 *
 * @param expiresAt milliseconds since the epoch, null for as long as may be
 */
record HashedPassword(String credentialData, String secretData, Long expiresAt) {
    private static final int LONGEST_BODY = 4096; // characters; a real one has about 400
    private static final Set<String> ARGON2 = Set.of("hashLength", "memory", "type", "version", "parallelism");
    private static final ObjectReader STRICT = JsonMapper.builder().build().reader()
        .with(JsonParser.Feature.STRICT_DUPLICATE_DETECTION).with(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

    /** @throws IllegalArgumentException with words that name what is wrong and never repeat what was sent */
    static HashedPassword read(String body) {
        require(body != null && body.length() <= LONGEST_BODY, "a body of at most " + LONGEST_BODY + " characters is needed");
        JsonNode wanted = object(body, "the body", Set.of("credentialData", "secretData", "expiresAt"), Set.of("expiresAt"));
        JsonNode expiresAt = wanted.path("expiresAt");
        boolean timeless = expiresAt.isMissingNode() || expiresAt.isNull();
        require(timeless || (expiresAt.isIntegralNumber() && expiresAt.canConvertToLong()), "expiresAt must be milliseconds since the epoch");
        String credentialData = text(wanted, "credentialData");
        String secretData = text(wanted, "secretData");
        int length = hashLength(credentialData);
        checkSecret(secretData, length);
        return new HashedPassword(credentialData, secretData, timeless ? null : expiresAt.longValue());
    }

    /** Checks cost and shape; how long the hash must be in bytes, 0 when the algorithm does not say. */
    private static int hashLength(String credentialData) {
        JsonNode data = object(credentialData, "credentialData", Set.of("hashIterations", "algorithm", "additionalParameters"), Set.of("additionalParameters"));
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
                within(memory * iterations, 7168 * 5, 1 << 18, "memory (KiB) times hashIterations");
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
        JsonNode secret = object(secretData, "secretData", Set.of("value", "salt", "additionalParameters"), Set.of("additionalParameters"));
        JsonNode more = secret.path("additionalParameters");
        require(more.isMissingNode() || (more.isObject() && more.isEmpty()), "additionalParameters of secretData must be empty");
        int value = bytes(secret, "value");
        require(length == 0 || value == length, "value must be as long as hashLength says");
        within(value, 16, 64, "value (bytes)");
        within(bytes(secret, "salt"), 16, 64, "salt (bytes)");
    }

    private static JsonNode object(String json, String what, Set<String> allowed, Set<String> optional) {
        try {
            JsonNode read = STRICT.readTree(json);
            names(read, what, allowed, optional);
            return read;
        } catch (JsonProcessingException error) { // its message would repeat what was sent
            throw new IllegalArgumentException(what + " must be JSON");
        }
    }

    private static void names(JsonNode node, String what, Set<String> allowed, Set<String> optional) {
        require(node.isObject(), what + " must be a JSON object");
        Set<String> given = new HashSet<>();
        node.fieldNames().forEachRemaining(given::add);
        require(allowed.containsAll(given), what + " may have only " + sorted(allowed));
        given.addAll(optional);
        require(given.containsAll(allowed), what + " needs " + sorted(allowed));
    }

    private static List<String> sorted(Set<String> names) {
        return names.stream().sorted().toList();
    }

    private static String text(JsonNode node, String name) {
        require(node.path(name).isTextual(), name + " must be text");
        return node.get(name).textValue();
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

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new IllegalArgumentException(otherwise);
        }
    }
}
