"""Help with a forgotten password."""
