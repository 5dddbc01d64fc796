"""Rule S6, written once: realm policy string, checklist and the check of temporary passwords derive from it.

S6: at least 8 characters, at least 1 digit, 1 upper-case and 1 lower-case letter, Polish characters excluded.
"Polish characters excluded" is read as: printable ASCII only (space included), which keeps out every Polish
letter in every Unicode form, and every look-alike.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ibok_idp.errors import PolicyViolation

MINIMUM_LENGTH = 8
ADVISED_LENGTH = 12
HISTORY = 3
# The policy of our Java provider that refuses common passwords: those of the list in its jar and no others.
DENY_LIST_POLICY = "ibokCommonPasswords"  # the id of a policy


@dataclass(frozen=True)
class PasswordRule:
    """One line of S6.

    Attributes:
        code: stable name, also in the checklist of the login theme.
        pattern: a password that keeps the rule matches it (used in Python and in JavaScript alike).
        keycloak: the same rule in Keycloak's policy language.
    """

    code: str
    pattern: str
    keycloak: str


# S6
RULES: tuple[PasswordRule, ...] = (
    PasswordRule("length", rf"^[\s\S]{{{MINIMUM_LENGTH},}}$", f"length({MINIMUM_LENGTH})"),
    PasswordRule("digit", r"[0-9]", "digits(1)"),
    PasswordRule("upper", r"[A-Z]", "upperCase(1)"),
    PasswordRule("lower", r"[a-z]", "lowerCase(1)"),
    PasswordRule("ascii", r"^[ -~]+$", "regexPattern(^[ -~]+$)"),
)


def broken_rules(password: str) -> list[str]:
    """Return the codes of the S6 rules that this password breaks, in the order of the checklist."""
    return [rule.code for rule in RULES if not re.search(rule.pattern, password)]


def require(password: str) -> None:
    """Refuse a password that breaks S6.

    Raises:
        PolicyViolation: names the broken rules, never the password.
    """
    broken = broken_rules(password)
    if broken:
        raise PolicyViolation(f"The password breaks rule S6: {', '.join(broken)}.")


def keycloak_policy(*, deny_list: bool = False) -> str:
    """The realm's `passwordPolicy`: S6, plus not the login and not one of the last three.

    Args:
        deny_list: also refuse common passwords; the server must have our provider, or it takes no policy at all.
    """
    *rules, ascii_only = (rule.keycloak for rule in RULES)
    denied = [DENY_LIST_POLICY] if deny_list else []
    return " and ".join([*rules, "notUsername", f"passwordHistory({HISTORY})", *denied, ascii_only])
