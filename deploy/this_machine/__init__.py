"""A how-to for servers carried out on this machine: its own commands, in other folders and on other ports."""
