"""Filing, checking, deciding."""
