"""What a provider documents of how often one grant may ask."""

from dataclasses import dataclass

DAY = 86_400.0  # seconds
PERIODS = {"minute": 60.0, "hour": 3600.0, "day": DAY}  # seconds
OURS = 0.5  # of a quota; the rest is left for checks by hand and for what else the account runs


@dataclass(frozen=True)
class Quota:
    """How many requests a provider documents for one grant."""

    requests: int
    period: str = "day"  # a key of PERIODS

    @property
    def daily(self) -> int:
        return round(self.requests * DAY / PERIODS[self.period])

    @property
    def spacing(self) -> float:
        """Seconds between two scheduled checks that leave the others their part."""
        return PERIODS[self.period] / self.requests / OURS
