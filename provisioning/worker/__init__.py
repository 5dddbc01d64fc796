"""The third door: jobs from the queue, and looking after accounts that wait for their first login."""
