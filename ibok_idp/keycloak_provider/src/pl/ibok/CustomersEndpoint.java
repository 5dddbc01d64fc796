package pl.ibok;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.JsonNode;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.NotFoundException;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jboss.logging.Logger;
import org.keycloak.events.admin.OperationType;
import org.keycloak.events.admin.ResourceType;
import org.keycloak.models.GroupModel;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.RealmModel;
import org.keycloak.models.UserModel;
import org.keycloak.models.utils.KeycloakModelUtils;
import org.keycloak.models.utils.RepresentationToModel;
import org.keycloak.representations.idm.UserRepresentation;
import org.keycloak.services.ErrorResponse;
import org.keycloak.services.resources.admin.AdminEventBuilder;
import org.keycloak.services.resources.admin.UserResource;
import org.keycloak.services.resources.admin.fgap.AdminPermissionEvaluator;
import org.keycloak.userprofile.UserProfile;
import org.keycloak.userprofile.UserProfileContext;
import org.keycloak.userprofile.UserProfileProvider;
import org.keycloak.userprofile.ValidationException;

/**
 * {@code POST /admin/realms/{realm}/ibok-customers}: makes members of /customers, many with one call (S4).
 *
 * <p>The body is a list of {@link NewCustomer}; the answer is a list of {@link Outcome} in the same order. It needs the
 * rights that Keycloak asks for a user with this group: to manage its members and its membership.
 */
public class CustomersEndpoint extends AdminExtension {
    @Override
    public String getId() {
        return "ibok-customers";
    }

    @Override
    public Object getResource(KeycloakSession session, RealmModel realm, AdminPermissionEvaluator auth, AdminEventBuilder event) {
        return new Resource(session, realm, auth, event);
    }

    /** What was wrong with one part: its name in the user profile, and Keycloak's code. */
    public record Refusal(String field, String code) {}

    /**
     * What became of one customer.
     *
     * @param outcome {@code created}; {@code exists}: this application's user was there and was not touched; {@code taken}:
     *     the login is somebody else's; {@code refused}: `errors` say why; {@code failed}: nobody foresaw it, nothing was made
     * @param id of the user, when it was made or is there
     */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record Outcome(String outcome, String id, List<Refusal> errors) {
        static Outcome of(String outcome, String id) {
            return new Outcome(outcome, id, null);
        }

        static Outcome refused(Stream<Refusal> errors) {
            return new Outcome("refused", null, errors.toList());
        }
    }

    public static class Resource {
        private static final Logger LOG = Logger.getLogger(CustomersEndpoint.class);
        private static final String GROUP = "/customers";
        private static final int MOST = 100;
        private static final int LONGEST_BODY = MOST * 8192; // characters; a real customer has about 900
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

        @POST
        @Consumes(MediaType.APPLICATION_JSON)
        @Produces(MediaType.APPLICATION_JSON)
        public List<Outcome> create(String body) {
            GroupModel group = customers(session, realm); // who may not make customers learns nothing about the body
            auth.groups().requireManageMembership(group);
            auth.groups().requireManageMembers(group);
            return inTransactions(read(body));
        }

        private static List<JsonNode> read(String body) {
            try {
                JsonNode list = StrictJson.read(body, "the body", LONGEST_BODY);
                StrictJson.require(list.isArray() && list.size() <= MOST, "the body must be a list of at most " + MOST + " customers");
                List<JsonNode> found = new ArrayList<>();
                list.forEach(found::add);
                return found;
            } catch (IllegalArgumentException error) {
                throw ErrorResponse.error(error.getMessage(), Response.Status.BAD_REQUEST);
            }
        }

        /** All in one transaction; when something fails that nobody foresaw, each half in one of its own, down to the one at fault. */
        private List<Outcome> inTransactions(List<JsonNode> wanted) {
            try {
                return KeycloakModelUtils.runJobInTransactionWithResult(session.getKeycloakSessionFactory(), session.getContext(),
                    own -> new Making(own, event).all(wanted), "make customers");
            } catch (RuntimeException unforeseen) {
                if (wanted.size() < 2) {
                    LOG.error("A customer could not be made", unforeseen);
                    return List.of(Outcome.of("failed", null));
                }
            }
            int half = wanted.size() / 2;
            List<Outcome> found = new ArrayList<>(inTransactions(wanted.subList(0, half)));
            found.addAll(inTransactions(wanted.subList(half, wanted.size())));
            return found;
        }

        private static GroupModel customers(KeycloakSession session, RealmModel realm) {
            GroupModel group = KeycloakModelUtils.findGroupByPath(session, realm, GROUP);
            if (group == null) {
                throw new NotFoundException("the realm has no group " + GROUP);
            }
            return group;
        }

        /** The making within one transaction, which has a session of its own. */
        private static final class Making {
            private final KeycloakSession session;
            private final RealmModel realm;
            private final GroupModel group;
            private final UserProfileProvider profiles;
            private final AdminEventBuilder event;

            Making(KeycloakSession session, AdminEventBuilder event) {
                this.session = session;
                this.realm = session.getContext().getRealm();
                this.group = customers(session, realm);
                this.profiles = session.getProvider(UserProfileProvider.class);
                this.event = event.clone(session);
            }

            List<Outcome> all(List<JsonNode> wanted) {
                return wanted.stream().map(this::one).toList();
            }

            private Outcome one(JsonNode wanted) {
                NewCustomer customer;
                try {
                    customer = NewCustomer.read(wanted);
                    StrictJson.require(TemporaryPasswords.of(session).knowsHash(customer.password().credentialData()),
                        "this server does not know the hash algorithm");
                } catch (IllegalArgumentException error) {
                    return Outcome.refused(Stream.of(new Refusal(null, error.getMessage())));
                }
                UserModel there = session.users().getUserByUsername(realm, customer.login());
                if (there != null) {
                    boolean own = customer.isOwnerOf(there) && there.isMemberOf(group);
                    return own ? Outcome.of("exists", there.getId()) : Outcome.of("taken", null);
                }
                UserRepresentation representation = customer.profile();
                UserProfile profile = profiles.create(UserProfileContext.USER_API, representation.getRawAttributes());
                try {
                    profile.validate();
                } catch (ValidationException refused) {
                    return Outcome.refused(refused.getErrors().stream().map(each -> new Refusal(each.getAttribute(), each.getMessage())));
                }
                return Outcome.of("created", made(customer, representation, profile));
            }

            /** As Keycloak's own `POST /users` makes one, with an event of its own, so that the console's history is whole. */
            private String made(NewCustomer customer, UserRepresentation representation, UserProfile profile) {
                UserModel user = profile.create();
                UserResource.updateUserFromRep(profile, user, representation, session, false);
                user.joinGroup(group);
                event.operation(OperationType.CREATE).resource(ResourceType.USER).resourcePath("users", user.getId())
                    .representation(representation).success();
                representation.setCredentials(List.of(customer.credential()));
                RepresentationToModel.createCredentials(representation, session, realm, user, true);
                return user.getId();
            }
        }
    }
}
