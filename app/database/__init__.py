"""Engine and sessions, whether the database can be reached, tokens sealed at rest, their keys."""
