"""Связка: a live dashboard of OAuth connections."""

# The order of the packages: each imports only from those above it, or in its own row. A test holds
# us to it, and `python -m docs.architecture` makes a table of it; what a package is for stands in
# the first line of its docstring.
PACKAGES = (
    (
        "errors",
        "error_reports",
        "config",
        "config_parsers",
        "http_bounds",
        "http_server",
        "logging",
        "metrics",
        "postgres_url",
        "process",
        "tracing",
        "version",
    ),
    ("i18n",),
    ("models",),
    ("database",),
    ("background",),
    ("audit_log",),
    ("outbound",),
    ("realtime",),
    ("providers",),
    ("oauth",),
    ("accounts",),
    ("history",),
    ("grants",),
    ("alerts",),
    ("connections",),
    ("monitor",),
    ("web",),
    ("cli",),
)
STAND_ALONE = ("sandbox", "local_postgres")  # programs of their own
