-- Three databases, each with a role that cannot enter the others. Run once, as PostgreSQL's superuser; then delete this file.
CREATE ROLE ibok_provisioning LOGIN PASSWORD '${database_password}';
CREATE ROLE ibok_webapp LOGIN PASSWORD '${webapp_database_password}';
CREATE ROLE ibok_keycloak LOGIN PASSWORD '${keycloak_database_password}';
CREATE DATABASE ibok_provisioning OWNER ibok_provisioning ENCODING 'UTF8' TEMPLATE template0;
CREATE DATABASE ibok_webapp OWNER ibok_webapp ENCODING 'UTF8' TEMPLATE template0;
CREATE DATABASE ibok_keycloak OWNER ibok_keycloak ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE ibok_provisioning, ibok_webapp, ibok_keycloak FROM PUBLIC;
