"""The clients of the applications that join, beside those of keycloak-realm.json. They carry a mark, so that no other is touched."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path

from ibok_idp.applications.file import CLAIMS, Application
from ibok_idp.applications.secrets import Secrets
from ibok_idp.errors import ClientOfAnother
from ibok_idp.realm.desired import Tree
from ibok_idp.realm.server import RealmServer

MARK = "ibok.application"  # attribute of each client that we made for an application
_SCOPE, _AUDIENCE = "ibok-customer", "ibok-provisioning-audience"


def with_applications(realm: Tree, applications: Iterable[Application], secrets: Secrets) -> Tree:
    """The desired realm with a client for each application; a secret that is not known here is left to Keycloak."""
    joined = deepcopy(realm)
    for application in applications:
        scope = _scope_of(joined, application)
        secret = None if application.public else secrets.client_secret(application)
        joined["clients"].append(_client(application, scope) | ({"secret": secret} if secret else {}))
        joined["scopeMappings"].append({"client": application.client_id, "roles": sorted(application.roles)})
        if application.roles:
            joined["users"].append(
                {
                    "username": f"service-account-{application.client_id}",
                    "enabled": True,
                    "serviceAccountClientId": application.client_id,
                    "realmRoles": sorted(application.roles),
                }
            )
        for language, texts in joined["localizationTexts"].items():
            texts[f"{application.client_id}.name"] = application.name.of(language)
    return joined


def with_those_that_left(wanted: Tree, server: RealmServer) -> Tree:
    """The desired realm, in which a client of ours that stands in the file no more lets nobody in.

    Raises:
        ClientOfAnother: a client of this id is there and was not made for an application.
    """
    ours = {client["clientId"] for client in wanted["clients"] if client.get("attributes", {}).get(MARK)}
    gone = []
    for client in server.clients():
        name, marked = client["clientId"], client.get("attributes", {}).get(MARK)
        if name in ours and not marked:
            raise ClientOfAnother(
                f"The client {name} in Keycloak was not made for an application: choose another client_id, or delete it in the console."
            )
        if marked and name not in ours:
            gone.append({"clientId": name, "enabled": False, "description": client.get("description", "")})
    return {**wanted, "clients": [*wanted["clients"], *gone]}


def keep_secrets(server: RealmServer, applications: Iterable[Application], secrets: Secrets) -> list[Path]:
    """Write the secrets that nobody here knows yet, each once, for IT to hand over; the files that were written."""
    written: list[Path | None] = []
    for application in applications:
        if not application.public and secrets.client_secret(application) is None:
            written.append(secrets.keep_client_secret(application, server.client_secret(application.client_id)))
        if application.webhook is not None:
            written.append(secrets.make_webhook_secret(application))
    return [path for path in written if path is not None]


def _scope_of(realm: Tree, application: Application) -> str | None:
    """The client scope of exactly the claims it asks for: the whole `ibok-customer`, or a part of it under a name of its own."""
    claims = sorted(application.claims)
    if claims == sorted(CLAIMS):
        return _SCOPE
    if not claims:
        return None
    name = ".".join([_SCOPE, *claims])
    if name not in {scope["name"] for scope in realm["clientScopes"]}:
        whole = next(scope for scope in realm["clientScopes"] if scope["name"] == _SCOPE)
        mappers = [mapper for mapper in whole["protocolMappers"] if mapper["name"] in claims]
        realm["clientScopes"].append({**whole, "name": name, "protocolMappers": mappers})
    return name


def _client(application: Application, scope: str | None) -> Tree:
    scopes = ["basic", *([scope] if scope else []), *(["roles", _AUDIENCE] if application.roles else [])]
    attributes = {
        MARK: "true",
        "pkce.code.challenge.method": "S256",
        "post.logout.redirect.uris": "##".join(application.post_logout_redirect_uris),
        "access.token.signed.response.alg": "RS256",
        "id.token.signed.response.alg": "RS256",
    }
    if application.backchannel_logout_url:
        attributes |= {
            "backchannel.logout.url": application.backchannel_logout_url,
            "backchannel.logout.session.required": "true",
            "backchannel.logout.revoke.offline.tokens": "true",
        }
    return {
        "clientId": application.client_id,
        "name": f"${{{application.client_id}.name}}",
        "description": f"{application.sentence.pl} / {application.sentence.en}",
        "enabled": True,
        "protocol": "openid-connect",
        "publicClient": application.public,
        "clientAuthenticatorType": "client-secret",
        "baseUrl": application.home_url or "",
        "redirectUris": list(application.redirect_uris),
        "webOrigins": [],
        "standardFlowEnabled": bool(application.redirect_uris),
        "implicitFlowEnabled": False,
        "directAccessGrantsEnabled": False,
        "serviceAccountsEnabled": bool(application.roles),
        "frontchannelLogout": False,
        "fullScopeAllowed": False,
        "consentRequired": not application.own,
        "attributes": attributes,
        "defaultClientScopes": scopes,
        "optionalClientScopes": [],
    }
