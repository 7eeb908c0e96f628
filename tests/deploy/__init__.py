"""The files of `deploy/`, each read by what reads it."""
