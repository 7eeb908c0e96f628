"""Who is here: users, sessions, passwords, second factors, rate limits."""
