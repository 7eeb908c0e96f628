"""What `/metrics` counts. No ids, no names of accounts: providers and statuses only."""

from prometheus_client import Counter, Gauge, Histogram

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
