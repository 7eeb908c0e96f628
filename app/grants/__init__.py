"""Grants: tokens sealed, refreshed by one process at a time, revoked without fail."""
