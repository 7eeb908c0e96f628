"""Between steps 2 and 3 of a check: what a provider said, as far as a verdict needs it."""

from dataclasses import dataclass, replace

ABOUT_MORE = (402, 403, 408, 425, 429)  # statuses that say something else than "not this token"
NOT_SENT = ("unconfigured", "not_allowed")  # failures before anything was sent


@dataclass(frozen=True)
class Answer:
    """What a provider said, as far as a verdict needs it."""

    evidence: str  # one line for people: what was asked, what came, how long it took
    latency_ms: int
    status: int = 0  # HTTP status; 0: nothing whole came back, see `failure`
    failure: str = ""  # as in `Failure.code`
    refused: str = ""  # the code of a refused refresh, as in `Refusal.code`
    sound: bool = True  # a 2xx answer is what this provider answers when all is well
    challenge: str = ""  # why the token was refused: an error code of RFC 6750 section 3.1
    is_wall: bool = False  # a firewall, proxy or balancer in front of the API speaks, not the API
    is_limited: bool = False  # a refusal with the headers of a rate limit
    classification: str = ""  # what the entry's own table says of it: a cause, or "ok"
    retry_after: float | None = None  # seconds
    account: str | None = None
    label: str | None = None
    expires_in: float | None = None  # seconds until the grant ends, where the answer says so
    token_placement: int = 0
    requests: int = 1  # that were sent: a redirect and refused token placements cost more
    after_refresh: bool = False  # it is about a token that the provider issued a moment ago
    contradicted: bool = False  # the same request was refused with 401 a moment ago
    over_kept_connection: bool = False  # not over one that was made for this request
    is_stranger: bool = False  # another account answers than the one that the grant is for

    @property
    def was_sent(self) -> bool:
        """False: a mistake of ours kept us from asking."""
        return self.failure not in NOT_SENT

    @property
    def refuses_token(self) -> bool:
        """The provider does not take this access token. A 401 because of what the token is for is
        none: a fresh one would be refused too. RFC 6750 section 3.1 names the error; some send it
        with another status.
        """
        if self.classification:
            return self.classification == "revoked"
        if self.is_wall or self.is_limited or self.refused:
            return False
        if self.challenge == "invalid_token":
            is_refusal = 400 <= self.status < 500 and self.status != 429
            return is_refusal or not self.sound  # said with a 2xx
        return self.status == 401 and self.challenge != "insufficient_scope"

    @property
    def suggests_refresh(self) -> bool:
        """A fresh token may help: also where a wall answers 401, as some APIs do so themselves."""
        return self.refuses_token or (
            self.status == 401 and self.is_wall and not self.classification
        )

    @property
    def may_refuse_token(self) -> bool:
        """Is the token perhaps what is wrong? Some APIs say 400 or 404 where RFC 6750 wants 401."""
        if self.suggests_refresh:
            return True
        refused = 400 <= self.status < 500 and self.status not in ABOUT_MORE
        return refused and not self.is_wall and not self.classification


def without_stranger(answer: Answer, lease_account: str | None, hidden: bool) -> Answer:
    """The answer, marked where it is about another account than the one that was connected, whose
    name it does not give to the connection.
    """
    if hidden or lease_account is None or answer.account in (None, lease_account):
        return answer
    return replace(answer, is_stranger=True, account=None, label=None)
