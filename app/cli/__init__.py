"""The command line, the demo, and the installation that comes before them."""
