"""What must hold of an account after any history, when nothing is left to do (K01, K06, K10)."""

from __future__ import annotations

from dataclasses import dataclass, field

from provisioning.domain.account import Account
from provisioning.domain.mail import MailState
from provisioning.use_cases.account.keeper.passwords import activation_password, reset_password
from tests.support.memory_mail import Taken
from tests.support.ring import Ring


@dataclass
class HandOvers:
    """Watches every hand-over of a password: it must be allowed by the row as it is at that moment."""

    ring: Ring
    wrong: list[str] = field(default_factory=list)

    def __call__(self, taken: Taken) -> None:
        if taken.kind not in ("activated", "new_password"):
            return
        account = self.ring.account(taken.login)
        if taken.recipient != account.email:
            self.wrong.append(f"{taken.kind} to an address that was corrected")
        if account.address_doubt_at is not None:
            self.wrong.append(f"{taken.kind} to an address in doubt")
        if not account.may_log_in:
            self.wrong.append(f"{taken.kind} for an account that is {account.state}")
        if taken.secret != self._wanted(account, taken.kind):
            self.wrong.append(f"{taken.kind} with a password that another one has taken the place of")

    def _wanted(self, account: Account, kind: str) -> str | None:
        """The one password that may go out at this moment."""
        if kind == "activated":
            return activation_password(self.ring.services, account) if account.nonce is not None else None
        with self.ring.services.work() as work:
            reset = work.resets.open_of(account.login)
        return reset_password(self.ring.services, reset) if reset is not None else None


def check_invariants(ring: Ring, login: str) -> None:
    """Raises AssertionError with what does not hold. The account has been settled before."""
    account = ring.account(login)
    users = ring.keycloak.of_application(account.reference)
    # who may log in in Keycloak = who may by our table; exactly one user, the login that was issued
    if account.must_be_gone:
        assert users == [], "a user stays in Keycloak for a deleted account"
        assert not account.unsettled, "a deleted account is never settled"
    elif account.user_id is not None:
        (user,) = users
        assert (user.user_id, user.login) == (account.user_id, login)
        assert user.profile == account.profile.row()
        assert user.profile["enabled"] == account.may_log_in
    else:
        assert (users == [] and account.state in ("closed", "suspended", "resigning")) or account.nonce is None
    # a mail is in an end state when nothing waits
    waiting = [(mail.kind, mail.state) for mail in ring.mails(login) if mail.waits]
    if account.may_be_mailed_a_password or account.must_be_gone or account.state == "closed":
        assert not account.unsettled, (account.step, account.trouble)
        assert account.nonce is None, "the nonce outlives its mail"
        assert waiting == []
    # of the mailed passwords the newest works, and no other
    secrets = [mail.secret for mail in ring.mail_server.passwords(login) if mail.kind == "activated" and mail.secret]
    outcomes = {secret: ring.keycloak.try_login(login, secret) for secret in secrets}
    delivered = [mail for mail in ring.mails(login) if mail.kind == "activated" and mail.state is MailState.ACCEPTED]
    newest_counts = account.activated_at is None and account.may_log_in and account.mail_accepted_at is not None
    if newest_counts and delivered and account.activation_in_keycloak == account.activation:
        assert outcomes[secrets[-1]] == "must_change", "the newest mailed password does not work"
    for secret in set(secrets[:-1]) - set(secrets[-1:]):
        assert outcomes[secret] == "refused", "an earlier mailed password still works"
    if account.address_doubt_at is not None or not account.may_log_in:
        assert "must_change" not in outcomes.values(), "a mailed password works although it must not"
    # a customer who may log in and was promised a password has one: mailed, refused by name, or an own one
    if account.may_be_mailed_a_password and account.activated_at is None and account.useless_wanted == 0:
        assert account.mail_accepted_at or account.address_trouble or account.mail_trouble, "the password mail was lost"
