"""Rules and dashboard name metrics that there are; each fault fires its rule, a quiet hour none."""

import asyncio
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from app.config import ROOT

RULES = ROOT / "deploy" / "prometheus" / "alerts.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "svyazka.json"
PROMTOOL = shutil.which("promtool")
NAME = re.compile(r"\bsvyazka_\w+")
DURATION = 90  # minutes of the series; looked at after an hour
LOOK = "60m"

WEB, WORKER = 'instance="web:8000"', 'instance="worker:9000"'
EVOTOR = 'provider="evotor"'
REFUSED = f'svyazka_refreshes_total{{{WORKER}, {EVOTOR}, outcome="refused"}}'
ONLINE = f'svyazka_monitors{{{WEB}, network="online"}}'
OFFLINE = f'svyazka_monitors{{{WEB}, network="offline"}}'
QUIET = {
    f'up{{job="svyazka", {WEB}}}': "1",
    f'up{{job="svyazka", {WORKER}}}': "1",
    f"svyazka_database_up{{{WEB}}}": "1",
    ONLINE: "1",
    OFFLINE: "0",
    f"svyazka_writes_failing{{{WORKER}}}": "0",
    f"svyazka_overdue_seconds{{{WEB}, {EVOTOR}}}": "2",
    f"svyazka_provider_outage{{{WEB}, {EVOTOR}}}": "0",
    REFUSED: "0+0.2",
    f"svyazka_alerts_oldest_seconds{{{WEB}}}": "4",
    f'svyazka_requests_total{{{WEB}, status="200"}}': "0+600",
    f'svyazka_requests_total{{{WEB}, status="500"}}': "0+1",
    f"svyazka_pool_in_use{{{WEB}}}": "2",
    f"svyazka_pool_size{{{WEB}}}": "4",
}
FAULTS: dict[str, dict[str, str]] = {  # rule: what is otherwise than in a quiet hour
    "SvyazkaDown": {f'up{{job="svyazka", {WORKER}}}': "0"},
    "SvyazkaDatabaseAway": {f"svyazka_database_up{{{WEB}}}": "0"},
    "SvyazkaNobodyChecks": {ONLINE: "0"},
    "SvyazkaOffline": {ONLINE: "0", OFFLINE: "2"},
    "SvyazkaVerdictsNotWritten": {f"svyazka_writes_failing{{{WORKER}}}": "1"},
    "SvyazkaChecksLate": {f"svyazka_overdue_seconds{{{WEB}, {EVOTOR}}}": "600"},
    "SvyazkaProviderFails": {
        f"svyazka_provider_outage{{{WEB}, {EVOTOR}}}": "1",
        f"svyazka_overdue_seconds{{{WEB}, {EVOTOR}}}": "600",  # on purpose: a sample is checked
    },
    "SvyazkaClientRefused": {REFUSED: "0+30"},
    "SvyazkaAlertsLate": {f"svyazka_alerts_oldest_seconds{{{WEB}}}": "1200"},
    "SvyazkaErrors": {f'svyazka_requests_total{{{WEB}, status="500"}}': "0+200"},
    "SvyazkaPoolExhausted": {f"svyazka_pool_in_use{{{WEB}}}": "4"},
}


def rules() -> dict[str, dict[str, Any]]:
    read = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return {rule["alert"]: rule for group in read["groups"] for rule in group["rules"]}


def known_names() -> set[str]:
    """As Prometheus sees them."""
    return {name for family in REGISTRY.collect() for name in samples(family.name, family.type)}


def samples(name: str, kind: str) -> Iterator[str]:
    if kind == "histogram":
        yield from (f"{name}_{end}" for end in ("bucket", "count", "sum"))
    else:
        yield f"{name}_total" if kind == "counter" else name


def test_rules_and_dashboard_name_only_metrics_that_there_are() -> None:
    known = known_names()
    for file in (RULES, DASHBOARD):
        text = file.read_text(encoding="utf-8")
        expressions = NAME.findall(text)
        assert expressions
        assert set(expressions) - known == set(), file.name


def test_every_rule_says_how_grave_it_is_and_what_to_do() -> None:
    for name, rule in rules().items():
        assert rule["labels"]["severity"] in ("page", "warn", "info"), name
        assert rule["annotations"]["summary"], name


def test_every_rule_has_its_fault() -> None:
    assert rules().keys() == FAULTS.keys()


def test_the_dashboard_can_be_imported() -> None:
    read = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    panels = read["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24, panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}"
    assert read["templating"]["list"][0]["name"] == "datasource"


@pytest.mark.processes
@pytest.mark.skipif(PROMTOOL is None, reason="no promtool here")
async def test_each_fault_fires_its_rule_and_no_other_and_a_quiet_hour_none(
    tmp_path: Path,
) -> None:
    shutil.copy(RULES, tmp_path)
    tests = [case("a quiet hour", {}, "")]
    tests += [case(name, changes, name) for name, changes in FAULTS.items()]
    file = tmp_path / "test.yml"
    read = {"rule_files": [RULES.name], "evaluation_interval": "1m", "tests": tests}
    file.write_text(json.dumps(read), encoding="utf-8")  # JSON is YAML
    assert (await promtool("check", "rules", str(RULES)))[0] == 0
    assert await promtool("test", "rules", str(file)) == (0, "")


def case(name: str, changes: dict[str, str], fires: str) -> dict[str, Any]:
    """promtool compares labels and texts too: count() has neither."""
    series = {each: f"{value}x{DURATION}" for each, value in (QUIET | changes).items()}
    firing = 'count by (alertname) (ALERTS{alertstate="firing"})'
    fired = [{"labels": f'{{alertname="{fires}"}}', "value": 1}] if fires else []
    return {
        "name": name,
        "interval": "1m",
        "input_series": [{"series": each, "values": value} for each, value in series.items()],
        "promql_expr_test": [{"expr": firing, "eval_time": LOOK, "exp_samples": fired}],
    }


async def promtool(*words: str) -> tuple[int, str]:
    assert PROMTOOL is not None
    run = await asyncio.create_subprocess_exec(
        PROMTOOL, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await run.communicate()
    return run.returncode or 0, err.decode() or (out.decode() if run.returncode else "")
