"""A person's name as the account carries it in Keycloak, which refuses some signs that stand on forms."""

from __future__ import annotations

import re

LONGEST_NAME = 100
# What Keycloak's validator person-name-prohibited-characters refuses in first and last names.
NOT_IN_A_NAME = re.compile(r"[<>&\"$%!#?§;*~/\\|^=\[\]{}()\x00-\x1f\x7f]")


def account_name(filed: str) -> str:
    """The name of the form without such signs: "Kowalska / Nowak" is "Kowalska Nowak". Empty when nothing else is left."""
    return " ".join(NOT_IN_A_NAME.sub(" ", filed).split())
