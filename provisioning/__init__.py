"""The utility's side: applications, decisions, accounts."""
