"""Change events over NOTIFY, the listener that hears them, and the hub of open pages."""
