"""Pages of a person's own account, and the ways in."""
