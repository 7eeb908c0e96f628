"""Connections of several people at providers that control every byte, in a time that is moved."""
