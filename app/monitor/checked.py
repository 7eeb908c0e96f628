"""Between steps 3 and 4 of a check: a lease with what was found out about it."""

from dataclasses import dataclass
from functools import cached_property

from app.models.connection import Status
from app.monitor.answer import Answer
from app.monitor.leases import Lease
from app.monitor.slowness import Pace, pace_after
from app.monitor.verdict import Verdict

LASTING_STATUSES = (Status.OFFLINE, Status.BLOCKED, Status.REVOKED)


@dataclass(frozen=True)
class Checked:
    """A lease with what was found out about it."""

    lease: Lease
    answer: Answer
    verdict: Verdict

    @property
    def looked(self) -> bool:
        """False: our own mistake kept us from asking, which changes nobody's status."""
        return self.answer.was_sent

    @cached_property
    def latency_ms(self) -> int | None:
        """Only an answer that was as it should be has one: what fails at once is not fast."""
        answer, is_online = self.answer, self.verdict.status is Status.ONLINE
        return answer.latency_ms if is_online and answer.status > 0 and not answer.refused else None

    @cached_property
    def pace(self) -> Pace:
        """Is it slow, by its own usual latency?"""
        row = self.lease.row
        known = Pace(row.slow_since is not None, row.slow_streak)
        return pace_after(known, self.verdict.status, self.latency_ms, row.baseline_ms)

    @property
    def is_fast_again(self) -> bool:
        """Or it failed, which ends its slowness too."""
        return self.lease.row.slow_since is not None and not self.pace.is_slow

    @property
    def is_transition(self) -> bool:
        verdict, before = self.verdict, self.lease.row
        changed = verdict.status != before.status or verdict.cause != before.cause
        return bool(self.looked and changed)

    @property
    def is_flip(self) -> bool:
        """It went to online or from it; the first verdict of all does neither."""
        before: str = self.lease.row.status
        was_online, is_online = before == Status.ONLINE, self.verdict.status is Status.ONLINE
        return before != Status.CHECKING and was_online is not is_online

    @property
    def is_still_failing(self) -> bool:
        """A failure that was confirmed before was found once more."""
        return self.looked and self.verdict.news and self.verdict.status in LASTING_STATUSES

    @property
    def wants_matching(self) -> bool:
        """Its account is to be matched: it is a reconnect, or the account was not known before."""
        return self.lease.hidden or self.answer.account not in (None, self.lease.account)
