"""Between steps 2 and 4 of a check: what it may end with instead of a verdict."""

from enum import Enum, auto


class NoVerdict(Enum):
    """Why a check has no verdict, or none yet."""

    NOT_CHECKABLE = auto()  # the connection is gone, or its provider is not configured
    LEASE_LOST = auto()  # another process has it by now, or it was disconnected meanwhile
    STOPPING = auto()  # this process ends, and had no time left to see a refresh through
    OUR_FAULT = auto()  # we were late or offline ourselves, so that a failure proves nothing
    QUEUE_TOO_LONG = auto()  # of requests to this provider; a monitor checks it in its turn
    UNDER_WAY = auto()  # it goes on, and will be written when it ends
    CRASHED = auto()
