"""Pages and tables of outages and uptime."""
