"""The mailbox and scans, until they belong to an application."""
