package pl.ibok;

import jakarta.ws.rs.ForbiddenException;
import org.keycloak.Config;
import org.keycloak.events.Event;
import org.keycloak.events.EventListenerProvider;
import org.keycloak.events.EventListenerProviderFactory;
import org.keycloak.events.admin.AdminEvent;
import org.keycloak.models.AdminRoles;
import org.keycloak.models.ClientModel;
import org.keycloak.models.Constants;
import org.keycloak.models.FederatedIdentityModel.FederatedIdentityCreatedEvent;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.KeycloakSessionFactory;
import org.keycloak.models.RealmModel;
import org.keycloak.models.RoleModel;
import org.keycloak.models.UserModel;
import org.keycloak.representations.AccessToken;

/**
 * Linking a user to an identity at an identity provider needs the right to manage every user of the realm (R01).
 *
 * <p>Keycloak asks only for the right to manage that one user, which fine-grained permissions give our service account
 * over customers; with it, it could log in as any of them as soon as the realm has an identity provider. Keycloak tells
 * of a link inside the transaction that makes it, so refusing here takes it back. It is an event listener only because
 * such a factory exists from the server's start; no realm names it.
 */
public class LinkedIdentities implements EventListenerProviderFactory, EventListenerProvider {
    @Override
    public String getId() {
        return "ibok-linked-identities";
    }

    @Override
    public void postInit(KeycloakSessionFactory factory) {
        factory.register(event -> {
            if (event instanceof FederatedIdentityCreatedEvent created && !mayLink(created.getKeycloakSession())) {
                throw new ForbiddenException("linking identities needs the role manage-users");
            }
        });
    }

    /** Without a token of this realm it is no call of the Admin API, or one of an administrator of the master realm. */
    private static boolean mayLink(KeycloakSession session) {
        RealmModel realm = session.getContext().getRealm();
        if (!(session.getContext().getBearerToken() instanceof AccessToken token) || token.getSubject() == null) {
            return true;
        }
        UserModel caller = session.users().getUserById(realm, token.getSubject());
        ClientModel management = realm.getClientByClientId(Constants.REALM_MANAGEMENT_CLIENT_ID);
        RoleModel all = management == null ? null : management.getRole(AdminRoles.MANAGE_USERS);
        return caller == null || (all != null && caller.hasRole(all));
    }

    @Override
    public EventListenerProvider create(KeycloakSession session) {
        return this;
    }

    @Override
    public void init(Config.Scope config) {}

    @Override
    public void onEvent(Event event) {}

    @Override
    public void onEvent(AdminEvent event, boolean includeRepresentation) {}

    @Override
    public void close() {}
}
