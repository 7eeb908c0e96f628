"""A provider is data: the specification, the loader of a providers file, the built-in entries."""
