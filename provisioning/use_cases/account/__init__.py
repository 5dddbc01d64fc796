"""The keeper of an account, its passwords, its changes and its end."""
