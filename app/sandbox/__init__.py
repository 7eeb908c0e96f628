"""The stand-in provider: a small, real OAuth 2.0 server for the demo and the tests."""

from app.sandbox.factory import create_sandbox
from app.sandbox.settings import SandboxSettings

__all__ = ["SandboxSettings", "create_sandbox"]
