"""When a connection is said to flap."""

from datetime import timedelta

FLAPS = 4  # times up or down …
FLAPPING = timedelta(hours=1)  # … within this make a connection that flaps
