"""Connections: connect, reconnect, disconnect, delivered tokens, queries."""
