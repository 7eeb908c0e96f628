"""The past of connections: outages, uptime, latency, reports."""
