"""A password credential that is already hashed: the clear password never travels to Keycloak.

Keycloak accepts `credentialData` and `secretData` on `POST /users` as its own export writes them. It checks
no policy on such a credential, so S6 is asserted here. Parameters come from the realm (the group /customers
carries them in the attribute `ibok_password_hashing`, the only place the service account can read).
"""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass, replace
from typing import Any

from argon2.low_level import Type, hash_secret_raw

from ibok_idp import password_policy
from ibok_idp.errors import KeycloakRejected

_TYPES = {"id": Type.ID, "i": Type.I, "d": Type.D}
_VERSIONS = {"1.3": 19, "1.0": 16}
# A slow hash guards weak secrets. A temporary password is 12 characters of chance (69 bits), lives for days and never
# becomes an own one; Keycloak hashes the own one by the realm's policy (ADR 22).
TEMPORARY_ITERATIONS = 1


@dataclass(frozen=True)
class HashingParameters:
    """Argon2 as the realm uses it; memory in KiB."""

    iterations: int
    memory: int
    parallelism: int
    hash_length: int
    type: str
    version: str

    @classmethod
    def from_realm(cls, published: str) -> HashingParameters:
        """Read what the realm publishes.

        Raises:
            KeycloakRejected: not argon2, or not in the shape of Keycloak's `credentialData`.
        """
        try:
            data = json.loads(published)
            more = data["additionalParameters"]
            if data["algorithm"] != "argon2":
                raise ValueError(f"algorithm {data['algorithm']}")
            return cls(
                iterations=int(data["hashIterations"]),
                memory=int(more["memory"][0]),
                parallelism=int(more["parallelism"][0]),
                hash_length=int(more["hashLength"][0]),
                type=more["type"][0],
                version=more["version"][0],
            )
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise KeycloakRejected(
                f"The group /customers publishes password hashing that cannot be used ({error}): run `ibok-idp realm apply`."
            ) from error

    def for_temporary(self) -> HashingParameters:
        """The same for a temporary password: one pass over the memory."""
        return replace(self, iterations=min(self.iterations, TEMPORARY_ITERATIONS))

    def credential_data(self) -> str:
        return json.dumps(
            {
                "hashIterations": self.iterations,
                "algorithm": "argon2",
                "additionalParameters": {
                    "hashLength": [str(self.hash_length)],
                    "memory": [str(self.memory)],
                    "type": [self.type],
                    "version": [self.version],
                    "parallelism": [str(self.parallelism)],
                },
            }
        )


def hashed_credential(password: str, parameters: HashingParameters) -> dict[str, Any]:
    """Hash a temporary password into a Keycloak credential (about 3 ms a pass; releases the GIL).

    Args:
        parameters: of the realm; of them a temporary password takes `for_temporary`.

    Raises:
        PolicyViolation: the password breaks S6, which Keycloak would not notice here.
    """
    password_policy.require(password)
    parameters = parameters.for_temporary()
    salt = secrets.token_bytes(16)
    value = hash_secret_raw(
        password.encode(),
        salt,
        time_cost=parameters.iterations,
        memory_cost=parameters.memory,
        parallelism=parameters.parallelism,
        hash_len=parameters.hash_length,
        type=_TYPES[parameters.type],
        version=_VERSIONS[parameters.version],
    )
    secret = {"value": base64.b64encode(value).decode(), "salt": base64.b64encode(salt).decode(), "additionalParameters": {}}
    return {
        "type": "password",
        "temporary": True,
        "credentialData": parameters.credential_data(),
        "secretData": json.dumps(secret),
    }
