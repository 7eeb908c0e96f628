"""The providers that are built in, a file each."""
