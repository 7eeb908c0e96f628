"""What reaches a person."""
