package pl.ibok;

import org.keycloak.credential.CredentialProviderFactory;
import org.keycloak.models.KeycloakSession;

/** Registers the credential type. */
public class TemporaryPasswordsFactory implements CredentialProviderFactory<TemporaryPasswords> {
    @Override
    public String getId() {
        return TemporaryPasswords.TYPE;
    }

    @Override
    public TemporaryPasswords create(KeycloakSession session) {
        return new TemporaryPasswords(session);
    }
}
