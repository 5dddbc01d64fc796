"""What other applications learn of accounts: told by webhooks, read from the feed, looked up."""
