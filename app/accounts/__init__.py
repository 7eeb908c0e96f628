"""People who sign in: users, sessions, passwords, two factors, passkeys, rate limits, export."""
