"""What an OAuth request can be refused with."""


class OAuthError(Exception):
    """RFC 6749 4.1.2.1 and 5.2: goes back to the client, by redirect or as JSON."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description  # RFC 6749: ASCII without quotes and backslashes
        self.status = status


class UntrustedError(Exception):
    """We cannot tell who asks, so nobody is redirected anywhere; the text is for the person."""


class BadOrderError(ValueError):
    """A control request that makes no sense; the text says why."""
