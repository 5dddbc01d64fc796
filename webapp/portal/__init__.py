"""What a logged-in customer sees."""
