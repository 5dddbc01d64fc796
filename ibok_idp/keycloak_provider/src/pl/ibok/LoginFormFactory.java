package pl.ibok;

import java.util.Map;
import org.keycloak.authentication.Authenticator;
import org.keycloak.authentication.authenticators.browser.UsernamePasswordFormFactory;
import org.keycloak.models.KeycloakSession;
import org.keycloak.provider.ServerInfoAwareProviderFactory;

/** Registers the login form; its version is on the console's "Server info" page and read by `ibok-idp doctor`. */
public class LoginFormFactory extends UsernamePasswordFormFactory implements ServerInfoAwareProviderFactory {
    @Override
    public String getId() {
        return "ibok-username-password-form";
    }

    @Override
    public Authenticator create(KeycloakSession session) {
        return new LoginForm(session);
    }

    @Override
    public String getDisplayType() {
        return "iBOK: login i hasło własne lub tymczasowe / username, own or temporary password";
    }

    @Override
    public String getHelpText() {
        return "Formularz logowania, który przyjmuje też hasło tymczasowe z maila. / The login form that also takes the mailed temporary password.";
    }

    @Override
    public Map<String, String> getOperationalInfo() {
        return Settings.about();
    }
}
