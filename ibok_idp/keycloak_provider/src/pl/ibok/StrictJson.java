package pl.ibok;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** What our endpoints are sent: exactly the names they know, each once. Every complaint names what is wrong and repeats nothing. */
final class StrictJson {
    private static final ObjectReader STRICT = JsonMapper.builder().build().reader()
        .with(JsonParser.Feature.STRICT_DUPLICATE_DETECTION).with(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

    private StrictJson() {}

    /** @throws IllegalArgumentException longer than so many characters, or no JSON */
    static JsonNode read(String json, String what, int longest) {
        require(json != null && json.length() <= longest, what + " of at most " + longest + " characters is needed");
        try {
            return STRICT.readTree(json);
        } catch (JsonProcessingException error) { // its message would repeat what was sent
            throw new IllegalArgumentException(what + " must be JSON");
        }
    }

    /** @throws IllegalArgumentException no object, a name that is not allowed, or one missing that is not optional */
    static void names(JsonNode node, String what, Set<String> allowed, Set<String> optional) {
        require(node.isObject(), what + " must be a JSON object");
        Set<String> given = new HashSet<>();
        node.fieldNames().forEachRemaining(given::add);
        require(allowed.containsAll(given), what + " may have only " + sorted(allowed));
        given.addAll(optional);
        require(given.containsAll(allowed), what + " needs " + sorted(allowed));
    }

    static String text(JsonNode node, String name) {
        require(node.path(name).isTextual(), name + " must be text");
        return node.get(name).textValue();
    }

    static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new IllegalArgumentException(otherwise);
        }
    }

    private static List<String> sorted(Set<String> names) {
        return names.stream().sorted().toList();
    }
}
