"""The engine and its sessions, whether it can be reached, and tokens sealed at rest."""
