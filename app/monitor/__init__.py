"""The way of a health check: loop.py (1), probe.py (2), verdict.py (3), record.py (4)."""
