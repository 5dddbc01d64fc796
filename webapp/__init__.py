"""What the public sees: the form, the portal, help with passwords."""
