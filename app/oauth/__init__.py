"""OAuth 2.0 as the RFCs and real providers have it, and nothing else: no database."""
