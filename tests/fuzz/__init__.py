"""Campaigns of mutated input: seeded, so that each can be repeated; a short form of each is a test."""
