package pl.ibok;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.keycloak.models.UserModel;
import org.keycloak.models.credential.PasswordCredentialModel;
import org.keycloak.representations.idm.CredentialRepresentation;
import org.keycloak.representations.idm.UserRepresentation;

/**
 * One customer to be made, as the caller describes them. Nothing else can be asked for: no role, no other group, no link
 * to an identity provider.
 *
 * @param application reference of the application that the account is for; finds the user again after a lost answer
 */
record NewCustomer(String login, String email, String firstName, String lastName, boolean enabled, String language,
                   String application, List<String> customerNumbers, HashedPassword password) {
    static final String APPLICATION = "ibok_application";
    private static final Set<String> NAMES = Set.of("login", "email", "firstName", "lastName", "enabled", "language", "application",
        "customerNumbers", "password");

    /** @throws IllegalArgumentException with words that name what is wrong and never repeat what was sent */
    static NewCustomer read(JsonNode wanted) {
        StrictJson.names(wanted, "a customer", NAMES, Set.of());
        StrictJson.require(wanted.get("enabled").isBoolean(), "enabled must be true or false");
        List<String> numbers = new ArrayList<>();
        StrictJson.require(wanted.get("customerNumbers").isArray(), "customerNumbers must be a list of texts");
        for (JsonNode each : wanted.get("customerNumbers")) {
            StrictJson.require(each.isTextual(), "customerNumbers must be a list of texts");
            numbers.add(each.textValue());
        }
        return new NewCustomer(named(wanted, "login"), StrictJson.text(wanted, "email"), StrictJson.text(wanted, "firstName"),
            StrictJson.text(wanted, "lastName"), wanted.get("enabled").booleanValue(), StrictJson.text(wanted, "language"),
            named(wanted, "application"), numbers, HashedPassword.of(wanted.get("password")));
    }

    private static String named(JsonNode wanted, String name) {
        StrictJson.require(!StrictJson.text(wanted, name).isBlank(), name + " is needed");
        return wanted.get(name).textValue();
    }

    boolean isOwnerOf(UserModel user) {
        return application.equals(user.getFirstAttribute(APPLICATION));
    }

    /** As Keycloak's own Admin API would be told of the user; the credential is apart, so that no event repeats it. */
    UserRepresentation profile() {
        UserRepresentation user = new UserRepresentation();
        user.setUsername(login);
        user.setEmail(email);
        user.setEmailVerified(true);
        user.setFirstName(firstName);
        user.setLastName(lastName);
        user.setEnabled(enabled);
        user.setRequiredActions(List.of(UserModel.RequiredAction.UPDATE_PASSWORD.name()));
        user.setAttributes(Map.of(APPLICATION, List.of(application), "ibok_customer_numbers", customerNumbers, "locale", List.of(language)));
        return user;
    }

    CredentialRepresentation credential() {
        CredentialRepresentation credential = new CredentialRepresentation();
        credential.setType(PasswordCredentialModel.TYPE);
        credential.setCredentialData(password.credentialData());
        credential.setSecretData(password.secretData());
        return credential;
    }
}
