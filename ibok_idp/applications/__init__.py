"""The applications that join: one file says who they are, what they are told, and what they may ask."""
