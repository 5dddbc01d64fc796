"""Temporary passwords are derived here alone (S4, S7): from the nonce in the row and the key that it names."""

from __future__ import annotations

from provisioning.domain.account import Account
from provisioning.domain.password_reset import PasswordReset
from provisioning.ports.services import Services


def activation_password(services: Services, account: Account) -> str:
    """S5: derived from the nonce in the row; the same one as long as the nonce is there."""
    assert account.nonce is not None  # wiped only in the step that ends the activation
    return services.keys.derive(account.nonce, f"activation:{account.login}", account.nonce_key)


def reset_password(services: Services, reset: PasswordReset) -> str:
    """S7: derived from the nonce in the row of the wish, in the same way."""
    assert reset.nonce is not None  # wiped only in the step that ends the wish
    return services.keys.derive(reset.nonce, f"reset:{reset.login}:{reset.reset_id}", reset.nonce_key)
