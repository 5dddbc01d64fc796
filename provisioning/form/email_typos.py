"""An e-mail address that was probably meant otherwise: a question to the person, never a refusal."""

from __future__ import annotations

from rapidfuzz import process
from rapidfuzz.distance import OSA

# Where most of the utility's customers have their mailbox; an address there is never asked about.
_KNOWN = (
    "gmail.com",
    "googlemail.com",
    "wp.pl",
    "o2.pl",
    "onet.pl",
    "onet.eu",
    "op.pl",
    "vp.pl",
    "poczta.onet.pl",
    "interia.pl",
    "interia.eu",
    "interia.com",
    "poczta.fm",
    "int.pl",
    "gazeta.pl",
    "tlen.pl",
    "go2.pl",
    "autograf.pl",
    "spoko.pl",
    "icloud.com",
    "me.com",
    "outlook.com",
    "outlook.pl",
    "hotmail.com",
    "live.com",
    "yahoo.com",
    "yahoo.pl",
    "proton.me",
    "protonmail.com",
)
_MEANT = {
    "gmail.pl": "gmail.com",
    "gmail.eu": "gmail.com",
    "icloud.pl": "icloud.com",
    "hotmail.pl": "hotmail.com",
    "wp.com": "wp.pl",
}
_LONG = 8  # letters of a domain from which on two of them may be wrong; in a short one two make another word


def did_you_mean(address: str | None) -> str | None:
    """The address with the provider's domain that differs by a slip of the finger; None when nothing looks wrong.

    Args:
        address: as it was typed, also None or no address at all.
    """
    local, at, domain = (address or "").strip().rpartition("@")
    domain = domain.lower()
    if not at or not local or domain in _KNOWN:
        return None
    if domain in _MEANT:
        return f"{local}@{_MEANT[domain]}"
    allowed = 2 if len(domain) >= _LONG else 1
    found = process.extractOne(domain, _KNOWN, scorer=OSA.distance, score_cutoff=allowed)
    return f"{local}@{found[0]}" if found else None
