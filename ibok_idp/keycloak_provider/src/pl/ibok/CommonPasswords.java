package pl.ibok;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jboss.logging.Logger;
import org.keycloak.Config;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.KeycloakSessionFactory;
import org.keycloak.models.RealmModel;
import org.keycloak.models.UserModel;
import org.keycloak.policy.PasswordPolicyProvider;
import org.keycloak.policy.PasswordPolicyProviderFactory;
import org.keycloak.policy.PolicyError;
import org.keycloak.provider.ServerInfoAwareProviderFactory;

/**
 * The password policy `ibokCommonPasswords`: refuses what stands in the list inside this jar, compared without case, and
 * nothing else. (Keycloak's own `passwordBlacklist` keeps a Bloom filter, which refuses strong passwords by chance.)
 */
public class CommonPasswords implements PasswordPolicyProviderFactory, PasswordPolicyProvider, ServerInfoAwareProviderFactory {
    private static final Logger LOG = Logger.getLogger(CommonPasswords.class);
    private static final String LIST = "/ibok-common-passwords.txt";
    private volatile Set<String> listed = Set.of();

    @Override
    public String getId() {
        return "ibokCommonPasswords";
    }

    @Override
    public PasswordPolicyProvider create(KeycloakSession session) {
        return this;
    }

    /** A jar without its list must not keep the server from starting: passwords are refused, the log and the doctor say why. */
    @Override
    public void postInit(KeycloakSessionFactory factory) {
        try (InputStream list = CommonPasswords.class.getResourceAsStream(LIST)) {
            if (list != null) {
                listed = new BufferedReader(new InputStreamReader(list, StandardCharsets.US_ASCII)).lines()
                    .filter(word -> !word.isEmpty()).collect(Collectors.toUnmodifiableSet());
            }
        } catch (IOException | java.io.UncheckedIOException error) {
            LOG.errorf(error, "The list of common passwords in the jar of the iBOK provider cannot be read");
        }
        if (listed.isEmpty()) {
            LOG.error("The jar of the iBOK provider has no list of common passwords, so no password can be set: run `ibok-idp provider build`");
        }
    }

    @Override
    public PolicyError validate(RealmModel realm, UserModel user, String password) {
        return validate(user.getUsername(), password);
    }

    @Override
    public PolicyError validate(String user, String password) {
        if (listed.isEmpty()) {
            return new PolicyError("ibokCommonPasswordsMissing");
        }
        return listed.contains(password.toLowerCase(Locale.ROOT)) ? new PolicyError("invalidPasswordBlacklistedMessage") : null;
    }

    @Override
    public Object parseConfig(String value) {
        return null;
    }

    @Override
    public String getDisplayName() {
        return "iBOK: popularne hasła / common passwords";
    }

    @Override
    public String getConfigType() {
        return null;
    }

    @Override
    public String getDefaultConfigValue() {
        return null;
    }

    @Override
    public boolean isMultiplSupported() {
        return false;
    }

    @Override
    public Map<String, String> getOperationalInfo() {
        return Map.of("listed", Integer.toString(listed.size()));
    }

    @Override
    public void init(Config.Scope config) {}

    @Override
    public void close() {}
}
