"""What staff do around a decision."""
