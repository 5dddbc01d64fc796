package pl.ibok;

import com.fasterxml.jackson.databind.JsonNode;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.NotFoundException;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.time.Duration;
import java.util.Set;
import org.keycloak.common.util.Time;
import org.keycloak.events.admin.OperationType;
import org.keycloak.events.admin.ResourceType;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.RealmModel;
import org.keycloak.models.UserModel;
import org.keycloak.services.ErrorResponse;
import org.keycloak.services.resources.admin.AdminEventBuilder;
import org.keycloak.services.resources.admin.fgap.AdminPermissionEvaluator;

/**
 * {@code PUT} and {@code DELETE /admin/realms/{realm}/ibok-temporary-passwords/{user-id}}.
 *
 * <p>The body is a {@link HashedPassword} with the end of its life (`expiresAt`, milliseconds since the epoch; null or absent: as
 * long as may be); what is wrong in it is answered 400 with words. Both need the right to reset that user's password
 * (fine-grained admin permissions), so that the service account of provisioning reaches members of /customers and nobody else.
 */
public class AdminEndpoint extends AdminExtension {
    @Override
    public String getId() {
        return "ibok-temporary-passwords";
    }

    @Override
    public Object getResource(KeycloakSession session, RealmModel realm, AdminPermissionEvaluator auth, AdminEventBuilder event) {
        return new Resource(session, realm, auth, event);
    }

    public static class Resource {
        private static final Duration CLOCKS_APART = Duration.ofMinutes(5);
        private static final int LONGEST_BODY = 4096; // characters; a real one has about 400
        private static final String EXPIRES_AT = "expiresAt";
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
        public Response put(@PathParam("id") String id, String body) {
            UserModel user = user(id); // who may not touch the user learns nothing about the body either
            TemporaryPasswords temporary = TemporaryPasswords.of(session);
            try {
                JsonNode wanted = StrictJson.read(body, "the body", LONGEST_BODY);
                StrictJson.names(wanted, "the body", Set.of("credentialData", "secretData", EXPIRES_AT), Set.of(EXPIRES_AT));
                HashedPassword password = HashedPassword.read(wanted);
                StrictJson.require(temporary.knowsHash(password.credentialData()), "this server does not know the hash algorithm");
                temporary.replace(realm, user, password.credentialData(), password.secretData(), endOfLife(wanted.path(EXPIRES_AT)));
            } catch (IllegalArgumentException error) {
                throw ErrorResponse.error(error.getMessage(), Response.Status.BAD_REQUEST);
            }
            return done();
        }

        /** As wished, at most the realm's longest life; a little over it may be the clock of another machine. */
        private long endOfLife(JsonNode wanted) {
            long now = Time.currentTimeMillis();
            long longest = now + Settings.longestResetLife(realm).toMillis();
            if (wanted.isMissingNode() || wanted.isNull()) {
                return longest;
            }
            StrictJson.require(wanted.isIntegralNumber() && wanted.canConvertToLong(), "expiresAt must be milliseconds since the epoch");
            long end = wanted.longValue();
            StrictJson.require(now < end && end <= longest + CLOCKS_APART.toMillis(), "expiresAt must be in the future, at most "
                + Settings.longestResetLife(realm).toHours() + " hours from now");
            return Math.min(end, longest);
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
            if (user.getServiceAccountClientLink() != null) {
                throw ErrorResponse.error("a service account has no password", Response.Status.BAD_REQUEST);
            }
            return user;
        }

        private Response done() {
            event.resource(ResourceType.USER).operation(OperationType.ACTION).resourcePath(session.getContext().getUri()).success();
            return Response.noContent().build();
        }
    }
}
