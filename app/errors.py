"""The exceptions that this program raises on purpose.

SvyazkaError
├── ConfigurationError    the environment or a providers file is wrong; every fault is named at once
├── SealingError          a stored token does not open
│   └── UnknownKey        ... because TOKEN_ENCRYPTION_KEYS lacks the key it was sealed with
└── CommandError          a command was used wrongly; one sentence says how

Expected failures of the outside world (a provider that is down, a refused grant) are values, never
exceptions.
"""


class SvyazkaError(Exception):
    """Base of everything below; its text is fit for standard error."""


class ConfigurationError(SvyazkaError):
    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("\n".join(["cannot start:", *(f"  - {fault}" for fault in faults)]))


class SealingError(SvyazkaError):
    pass


class UnknownKey(SealingError):  # noqa: N818 - reads as what it is
    def __init__(self, key_id: str) -> None:
        self.key_id = key_id
        super().__init__(f"TOKEN_ENCRYPTION_KEYS has no key {key_id!r}")


class CommandError(SvyazkaError):
    pass
