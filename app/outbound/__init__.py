"""Everything that leaves this machine: HTTP to allowed hosts, and mail."""
