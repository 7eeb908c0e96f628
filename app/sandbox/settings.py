"""What a sandbox can be told at its start."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SandboxSettings:
    access_token_lifetime: int = 3600  # seconds
    rotation: bool = True  # every refresh answers with a new refresh token and spends the old one
    issuer: str = "http://localhost:8001"  # its own address, without a slash at the end
    slow_seconds: float = 3  # how late `slow` answers
    hang_seconds: float = 120  # `timeout` gives up waiting for the client to go away
