"""Связка: a live dashboard of OAuth connections."""
