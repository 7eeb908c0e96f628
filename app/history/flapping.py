"""When a connection is said to flap."""

from datetime import timedelta

FLAPPING_TRANSITIONS = 4  # times up or down …
FLAPPING_WINDOW = timedelta(hours=1)  # … within this make a connection that flaps
