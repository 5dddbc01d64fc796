package pl.ibok;

import org.keycloak.authentication.Authenticator;
import org.keycloak.authentication.authenticators.browser.UsernamePasswordFormFactory;
import org.keycloak.models.KeycloakSession;

/**
 * Our form wherever a flow of the realm names Keycloak's own: the staff flow, and any that IT copies in the console.
 * There too a refusal takes as long for every login. Realms that are not ours keep the stock form.
 */
public class StockLoginFormFactory extends UsernamePasswordFormFactory {
    @Override
    public Authenticator create(KeycloakSession session) {
        return Settings.governs(session.getContext().getRealm()) ? new LoginForm(session) : super.create(session);
    }

    @Override
    public int order() {
        return 100;
    }
}
