"""`python3 -m tests` runs every check; the files mirror `app/`."""
