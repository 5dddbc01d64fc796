"""The look that portal, staff UI and Keycloak's login pages share: Sass, templates, security headers, languages."""
