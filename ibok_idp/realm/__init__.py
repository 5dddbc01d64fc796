"""The realm as code: keycloak-realm.json against a server (`ibok-idp realm diff|apply`)."""
