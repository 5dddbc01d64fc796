"""What the product writes to people: a folder a mail with its subject, text, HTML and typed context."""
