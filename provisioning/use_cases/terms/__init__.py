"""Versions of the form and of the Regulamin."""
