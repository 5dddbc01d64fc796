"""The rules of the utility, pure: no database, no network, no clock, no library."""
