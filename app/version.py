"""The version, as pyproject.toml has it. Standard library only, and any Python can read it."""

VERSION = "0.1.0"
