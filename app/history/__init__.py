"""What was: outages, uptime, latency, reports."""
