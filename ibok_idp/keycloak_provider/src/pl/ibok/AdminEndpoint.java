package pl.ibok;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import jakarta.ws.rs.BadRequestException;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.NotFoundException;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import org.keycloak.Config;
import org.keycloak.common.util.Time;
import org.keycloak.events.admin.OperationType;
import org.keycloak.events.admin.ResourceType;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.KeycloakSessionFactory;
import org.keycloak.models.RealmModel;
import org.keycloak.models.UserModel;
import org.keycloak.services.resources.admin.AdminEventBuilder;
import org.keycloak.services.resources.admin.ext.AdminRealmResourceProvider;
import org.keycloak.services.resources.admin.ext.AdminRealmResourceProviderFactory;
import org.keycloak.services.resources.admin.fgap.AdminPermissionEvaluator;

/**
 * {@code PUT} and {@code DELETE /admin/realms/{realm}/ibok-temporary-passwords/{user-id}}.
 *
 * <p>Both need the right to reset that user's password (fine-grained admin permissions), so that the service account of
 * provisioning reaches members of /customers and nobody else.
 */
public class AdminEndpoint implements AdminRealmResourceProviderFactory, AdminRealmResourceProvider {
    @Override
    public String getId() {
        return "ibok-temporary-passwords";
    }

    @Override
    public AdminRealmResourceProvider create(KeycloakSession session) {
        return this;
    }

    @Override
    public Object getResource(KeycloakSession session, RealmModel realm, AdminPermissionEvaluator auth, AdminEventBuilder event) {
        return new Resource(session, realm, auth, event);
    }

    @Override
    public void init(Config.Scope config) {}

    @Override
    public void postInit(KeycloakSessionFactory factory) {}

    @Override
    public void close() {}

    /** A password that is already hashed, as Keycloak's own export writes it; {@code expiresAt} in ms since the epoch. */
    @JsonIgnoreProperties(ignoreUnknown = true)
    public static class NewTemporaryPassword {
        public String credentialData;
        public String secretData;
        public Long expiresAt;
    }

    public static class Resource {
        private final KeycloakSession session;
        private final RealmModel realm;
        private final AdminPermissionEvaluator auth;
        private final AdminEventBuilder event;

        Resource(KeycloakSession session, RealmModel realm, AdminPermissionEvaluator auth, AdminEventBuilder event) {
            this.session = session;
            this.realm = realm;
            this.auth = auth;
            this.event = event;
        }

        @PUT
        @Path("{id}")
        @Consumes(MediaType.APPLICATION_JSON)
        public Response put(@PathParam("id") String id, NewTemporaryPassword wanted) {
            UserModel user = user(id);
            if (wanted == null || wanted.credentialData == null || wanted.secretData == null) {
                throw new BadRequestException("credentialData and secretData are needed");
            }
            TemporaryPasswords temporary = TemporaryPasswords.of(session);
            long longest = Time.currentTimeMillis() + Settings.longestResetLife(realm).toMillis();
            try {
                if (!temporary.knowsHash(wanted.credentialData)) {
                    throw new BadRequestException("this server does not know the hash algorithm");
                }
                temporary.replace(realm, user, wanted.credentialData, wanted.secretData,
                    wanted.expiresAt == null ? longest : Math.min(wanted.expiresAt, longest));
            } catch (IllegalArgumentException error) {
                throw new BadRequestException(error.getMessage());
            }
            return done();
        }

        @DELETE
        @Path("{id}")
        public Response delete(@PathParam("id") String id) {
            TemporaryPasswords.of(session).voidAll(user(id));
            return done();
        }

        private UserModel user(String id) {
            UserModel user = session.users().getUserById(realm, id);
            if (user == null) {
                // the same answer as for a user that the caller may not touch, unless the caller may see users at all
                auth.users().requireQuery();
                throw new NotFoundException("no such user");
            }
            auth.users().requireResetPassword(user);
            return user;
        }

        private Response done() {
            event.resource(ResourceType.USER).operation(OperationType.ACTION).resourcePath(session.getContext().getUri()).success();
            return Response.noContent().build();
        }
    }
}
