"""The command line: commands, the demo, and the installation before it."""
