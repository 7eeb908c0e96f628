"""Health checks: find what is due, probe, judge, write; heartbeats, housekeeping."""
