"""What `/metrics` counts. No ids, no names of accounts: providers and statuses only."""

import platform

from prometheus_client import Counter, Gauge, Histogram

from app.version import VERSION

CHECKS = Counter("svyazka_checks", "Checks recorded", ["provider", "status"])
ANSWER_SECONDS = Histogram(
    "svyazka_answer_seconds",
    "How long providers took to answer a probe",
    ["provider"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
REFRESHES = Counter("svyazka_refreshes", "Token refreshes", ["provider", "outcome"])
IN_FLIGHT = Gauge("svyazka_checks_in_flight", "Checks under way", ["provider"])
OPEN_PAGES = Gauge("svyazka_open_pages", "Open streams in this process")
TASKS = Gauge("svyazka_tasks", "Tasks of the event loop; steady but for the work under way")
ALERTS = Counter("svyazka_alerts", "Alerts written", ["kind"])
DELIVERIES = Counter(
    "svyazka_deliveries", "Alerts sent, or refused by a channel", ["channel", "outcome"]
)

REQUESTS = Counter("svyazka_requests", "Requests answered", ["method", "route", "status"])
BUILD = Gauge("svyazka_build_info", "Always 1", ["version", "python"])
POOL_SIZE = Gauge("svyazka_pool_size", "The most connections to PostgreSQL in the pool")
POOL_IN_USE = Gauge("svyazka_pool_in_use", "Connections to PostgreSQL that are in use now")
STANDBY_BEHIND = Gauge("svyazka_standby_behind_seconds", "How old what is read there may be")
VERDICTS_WAITING = Gauge("svyazka_verdicts_waiting", "Verdicts that are not written yet")
WRITES_FAILING = Gauge("svyazka_writes_failing", "1: the last write of verdicts failed")

# Of the whole installation, the same in every process (app/monitor/gauges.py)
DATABASE_UP = Gauge("svyazka_database_up", "1: the database answers")
CONNECTIONS = Gauge("svyazka_connections", "Connections by status", ["provider", "status"])
OVERDUE_SECONDS = Gauge("svyazka_overdue_seconds", "How late the latest check is", ["provider"])
MONITORS = Gauge("svyazka_monitors", "Live monitors: those that reach the network", ["network"])
OPEN_OUTAGES = Gauge("svyazka_open_outages", "Connections that are not online")
PROVIDER_OUTAGE = Gauge("svyazka_provider_outage", "1: it fails for many at once", ["provider"])
ALERTS_WAITING = Gauge("svyazka_alerts_waiting", "Deliveries that wait to be sent")
ALERTS_AGE = Gauge("svyazka_alerts_oldest_seconds", "Since when the oldest due delivery waits")

BUILD.labels(VERSION, platform.python_version()).set(1)
