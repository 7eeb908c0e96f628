"""Связка: a live dashboard of OAuth connections."""

# The order of the packages: each imports only from those above it, or in its own row. The layers
# test reads it here; beside it stand `sandbox` and `local_postgres`, programs of their own.
PACKAGES = (
    (
        "errors",
        "config",
        "config_parsers",
        "logging",
        "metrics",
        "process",
    ),  # what every process needs
    ("i18n",),  # translated text, dates, durations, time zones
    ("models",),  # the tables; no queries
    ("database",),  # engine and sessions, is it reachable, tokens sealed at rest
    ("background",),  # periodic steps, and work that must come to its end
    ("audit_log",),  # who did what, one row a deed
    ("outbound",),  # everything that leaves this machine
    ("realtime",),  # events over NOTIFY, the hub of open pages
    ("providers",),  # a provider is data
    ("oauth",),  # the RFCs and nothing else
    ("accounts",),  # who is here
    ("history",),  # what was
    ("grants",),  # what people gave us
    ("alerts",),  # who is told what, when and by which way
    ("connections",),  # connect, reconnect, disconnect
    ("monitor",),  # the way of a health check
    ("web",),  # requests: the only one with Quart
    ("cli",),  # commands, and the demo
)
