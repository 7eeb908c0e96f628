"""Server-sent events: changes on their way to the open pages."""
