"""The mailbox that applications come to by e-mail (S1)."""
