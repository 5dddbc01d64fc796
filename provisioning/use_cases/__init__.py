"""One file a step of the customer's way: submit, confirm the e-mail, decide, activate, first login."""
