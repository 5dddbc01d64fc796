"""Mails: handed over, returned, limited."""
