"""The table of acts: the outside call of each, and what writes its outcome down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from provisioning.domain.account import Account
from provisioning.domain.keeping import WITHIN, Act
from provisioning.ports.services import Services
from provisioning.ports.work import Work
from provisioning.use_cases.account.keeper import by_mail, in_keycloak
from provisioning.use_cases.account.keeper.look import Look


@dataclass(frozen=True)
class Step:
    """Attributes:
    do: the outside act for some accounts; an outcome for each, which may be an error.
    note: writes down what came of it for one of them.
    """

    do: Callable[[Services, Sequence[Look]], list[object]]
    note: Callable[[Services, Work, Account, Look, object], None]


def _each(do: Callable[[Services, Look], object]) -> Callable[[Services, Sequence[Look]], list[object]]:
    """An outside act of one account at a time; its error is its outcome."""

    def one_by_one(services: Services, looks: Sequence[Look]) -> list[object]:
        outcomes: list[object] = []
        for look in looks:
            try:
                outcomes.append(do(services, look))
            except Exception as error:
                outcomes.append(error)
        return outcomes

    return one_by_one


@_each
def _nothing(services: Services, look: Look) -> None:
    """An act that only writes rows."""


ACTS: dict[Act, Step] = {
    Act.SEEK_USER: Step(_each(in_keycloak.seek_user), in_keycloak.user_sought),
    Act.DELETE_USER: Step(_each(in_keycloak.delete_user), in_keycloak.user_deleted),
    Act.SEE_USER: Step(_each(in_keycloak.see_user), in_keycloak.user_seen),
    Act.MAKE_MAILED_USELESS: Step(_each(in_keycloak.make_mailed_useless), in_keycloak.mailed_made_useless),
    Act.MAKE_USER: Step(in_keycloak.make_users, in_keycloak.user_made),
    Act.CHANGE_USER: Step(_each(in_keycloak.change_user), in_keycloak.user_changed),
    Act.SET_ACTIVATION_PASSWORD: Step(_each(in_keycloak.set_activation_password), in_keycloak.activation_password_set),
    Act.VOID_TEMPORARY_PASSWORD: Step(_each(in_keycloak.void_temporary_password), in_keycloak.temporary_password_voided),
    Act.SET_TEMPORARY_PASSWORD: Step(_each(in_keycloak.set_temporary_password), in_keycloak.temporary_password_set),
    Act.RENEW_ACTIVATION: Step(_nothing, by_mail.renew_activation),
    Act.RENEW_RESET: Step(_nothing, by_mail.renew_reset),
    Act.GIVE_UP_RESET: Step(_nothing, by_mail.give_up_reset),
    Act.MAIL_ACTIVATION: Step(by_mail.mail_activations, by_mail.activation_mailed),
    Act.MAIL_RESET: Step(_each(by_mail.mail_reset), by_mail.reset_mailed),
}
OF_KEYCLOAK = frozenset(Act) - WITHIN - {Act.MAIL_ACTIVATION, Act.MAIL_RESET}
