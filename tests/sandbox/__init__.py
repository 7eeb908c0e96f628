"""The sandbox provider, driven over HTTP as a client and a person would."""
