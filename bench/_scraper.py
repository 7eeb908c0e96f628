"""What Prometheus would keep: metrics of programs, scraped once a second, as promtool's series."""

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

SCRAPE_TIMEOUT = 3.0  # seconds
NAMES = re.compile(r"\b(?:svyazka_\w+|up)\b")
FIRED = 'count by (alertname) (count_over_time(ALERTS{{alertstate="firing"}}[{seconds}s]))'
NOBODY = [{"labels": '{alertname="nobody"}', "value": 1}]  # never so, so that promtool shows all


class Scraper:
    """`stretch`: a second of the run is so many of the series, as its checks are that much more
    often than usual; gauges in seconds are stretched alike.
    """

    def __init__(self, targets: Mapping[str, str], rules: Path, stretch: int) -> None:
        self._targets, self._rules, self._stretch = targets, rules, stretch
        self._names = set(NAMES.findall(rules.read_text(encoding="utf-8")))
        self._series: dict[str, dict[int, float]] = defaultdict(dict)
        self._scraped: dict[str, set[int]] = defaultdict(set)
        self._began = asyncio.get_running_loop().time()
        self.scrapes = 0

    @property
    def tick(self) -> int:
        return int(asyncio.get_running_loop().time() - self._began)

    async def scrape(self) -> None:
        """For ever."""
        async with httpx.AsyncClient(trust_env=False, timeout=SCRAPE_TIMEOUT) as client:
            await asyncio.gather(*(self._scrape(client, name) for name in self._targets))

    async def _scrape(self, client: httpx.AsyncClient, name: str) -> None:
        while True:
            tick, text = self.tick, ""
            with suppress(httpx.HTTPError):
                text = (await client.get(f"{self._targets[name]}/metrics")).text
            self._keep(tick, name, text)
            self.scrapes += 1
            await asyncio.sleep(max(0.0, self._began + tick + 1 - self._now()))

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _keep(self, tick: int, instance: str, text: str) -> None:
        own = {"instance": instance, "job": "svyazka"}
        self._series[_named("up", own)][tick] = float(bool(text))
        self._scraped[instance].add(tick)
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name in self._names:
                    scale = self._stretch if sample.name.endswith("_seconds") else 1
                    self._series[_named(sample.name, sample.labels | own)][tick] = (
                        sample.value * scale
                    )

    async def fired(self, promtool: str, windows: Collection[tuple[int, int]]) -> list[set[str]]:
        """Which rules fired between these ticks."""
        file = self._rules.with_name("recorded.yml")
        file.write_text(json.dumps(self._test(windows)), encoding="utf-8")  # JSON is YAML
        run = await asyncio.create_subprocess_exec(
            *(promtool, "test", "rules", str(file)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said = (await run.communicate())[0].decode()
        got = re.findall(r"\bgot:(.*?)(?=\n\s*expr:|\Z)", said, re.DOTALL)
        if len(got) != len(windows):
            raise RuntimeError(said[-2000:])
        return [set(re.findall(r'alertname="(\w+)"', each)) for each in got]

    def _test(self, windows: Collection[tuple[int, int]]) -> dict[str, object]:
        length = self.tick + 1
        series = [
            {"series": name, "values": " ".join(self._values(name, each, length))}
            for name, each in self._series.items()
        ]
        looks = [
            {
                "expr": FIRED.format(seconds=(end - begin) * self._stretch),
                "eval_time": f"{end * self._stretch}s",
                "exp_samples": NOBODY,
            }
            for begin, end in windows
        ]
        interval = f"{self._stretch}s"
        test = {"interval": interval, "input_series": series, "promql_expr_test": looks}
        return {
            "rule_files": [self._rules.name],
            "evaluation_interval": interval,
            "tests": [test],
        }

    def _values(self, name: str, points: Mapping[int, float], length: int) -> list[str]:
        """A series that a scrape does not have any more is stale from then on, as in Prometheus."""
        instance = re.search(r'instance="([^"]*)"', name)
        looked = self._scraped[instance.group(1)] if instance else set()
        values, there = [], False
        for tick in range(length):
            if tick in points:
                values.append(f"{points[tick]:g}" if points[tick] == points[tick] else "NaN")
                there = True
            elif tick in looked and there:
                values.append("stale")
                there = False
            else:
                values.append("_")
        return values


def _named(name: str, labels: Mapping[str, str]) -> str:
    return f"{name}{{{', '.join(f'{key}={json.dumps(labels[key])}' for key in sorted(labels))}}}"
