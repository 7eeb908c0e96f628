"""When a connection counts as flapping: four transitions within an hour."""

from datetime import timedelta

FLAPPING_TRANSITIONS = 4  # times to online or from it …
FLAPPING_WINDOW = timedelta(hours=1)  # … within this
