"""Pages of the user's own account; sign-up and log-in."""
