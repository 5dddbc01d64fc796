package pl.ibok;

import org.keycloak.credential.PasswordCredentialProvider;
import org.keycloak.credential.PasswordCredentialProviderFactory;
import org.keycloak.models.KeycloakSession;

/** Takes the place of Keycloak's own provider of passwords: the same id, a higher order. */
public class PasswordsFactory extends PasswordCredentialProviderFactory {
    @Override
    public PasswordCredentialProvider create(KeycloakSession session) {
        return new Passwords(session, super.create(session));
    }

    @Override
    public int order() {
        return 100;
    }
}
