"""All that leaves this machine: HTTP to allowed hosts, SMTP. No domain, no database."""
