"""`python -m app doctor`: one line for each thing that has to be well, with what to do."""

import argparse
import asyncio
import json
from collections.abc import Coroutine, Mapping
from dataclasses import asdict
from typing import Any

import app.alerts.channels.telegram as bot
from app.alerts.channels.base import Post
from app.cli import database_findings
from app.cli.findings import Finding, State
from app.config import NEEDED_BY_WEB, Settings, read_settings
from app.errors import ConfigurationError
from app.logging import set_up_logging
from app.monitor.connectivity import Connectivity, host_of
from app.outbound import smtp
from app.outbound.client import client_of
from app.outbound.pool import open_pool
from app.providers.loader import missing_variables
from app.providers.provider import Catalogue, Provider
from app.providers.registry import catalogue_of
from app.version import VERSION

LONGEST = 30.0  # seconds for all that is asked of one thing
FIREWALL = "look at the network, the name server and the firewall of this machine"


def doctor(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """1 when something is wrong; a note is nothing wrong."""
    set_up_logging("critical", "text")
    findings = asyncio.run(examine(environ))
    if arguments.json:
        print(json.dumps({"version": VERSION, "findings": [asdict(each) for each in findings]}))
    else:
        for each in findings:
            print(each.line)
    return int(any(each.state is State.WRONG for each in findings))


async def examine(environ: Mapping[str, str]) -> list[Finding]:
    """With settings that are wrong nothing else can be looked at."""
    try:
        settings = read_settings(environ, NEEDED_BY_WEB)
        catalogue = catalogue_of(settings)
    except ConfigurationError as error:
        return [
            Finding.wrong("settings", fault, "set it as README.md says") for fault in error.faults
        ]
    groups = await asyncio.gather(
        _in_time("database", database_findings.of_database(settings)),
        _in_time("network", _of_network(settings)),
        _in_time("providers", _of_providers(settings, catalogue)),
        _in_time("mail", _of_mail(settings)),
        _in_time("telegram", _of_telegram(settings)),
    )
    well = Finding.ok("settings", f"version {VERSION}, {settings.public_url}")
    return [well, *(each for group in groups for each in group), _of_push(settings)]


async def _in_time(name: str, group: Coroutine[Any, Any, list[Finding]]) -> list[Finding]:
    try:
        async with asyncio.timeout(LONGEST):
            return await group
    except TimeoutError:
        return [Finding.wrong(name, f"no answer within {LONGEST:.0f} s", FIREWALL)]


async def _of_network(settings: Settings) -> list[Finding]:
    if not settings.canary_hosts:
        said = "CANARY_HOSTS is empty: our own network is taken for good"
        return [Finding.note("network", said, "name hosts that answer always")]
    if await Connectivity(settings.canary_hosts).ask_canaries():
        return [Finding.ok("network", "a canary answers")]
    return [Finding.wrong("network", "no host of CANARY_HOSTS answers", FIREWALL)]


async def _of_providers(settings: Settings, catalogue: Catalogue) -> list[Finding]:
    offered = [each for each in catalogue.values() if each.configured]
    if not offered:
        remedy = "set the client of one: `python -m app providers` says which variables"
        return [Finding.note("providers", "none is configured", remedy)]
    return list(await asyncio.gather(*(_of_provider(each, settings) for each in offered)))


async def _of_provider(provider: Provider, settings: Settings) -> Finding:
    name = f"provider {provider.name}"
    addresses = (provider.token_endpoint, provider.probe.url)
    hosts = sorted({host_of(each) for each in addresses if each and "{" not in each.split("/")[2]})
    answers = await asyncio.gather(*(Connectivity([host]).ask_canaries() for host in hosts))
    silent = [
        f"{host}:{port}" for (host, port), well in zip(hosts, answers, strict=True) if not well
    ]
    if silent:
        return Finding.wrong(name, f"{', '.join(silent)} cannot be reached", FIREWALL)
    lacks = [each for each in missing_variables(provider) if not _is_set(each, settings)]
    if lacks:
        return Finding.note(name, f"{', '.join(lacks)} not set", "set them, for all that it can do")
    reached = ", ".join(f"{host}:{port}" for host, port in hosts) or "hosts are each person's own"
    return Finding.ok(name, reached)


def _is_set(variable: str, settings: Settings) -> bool:
    name, _, kind = variable.lower().rpartition("_client_")
    client = settings.clients.get(name)
    return client is not None and bool(client.secret if kind == "secret" else client.id)


async def _of_mail(settings: Settings) -> list[Finding]:
    if settings.smtp is None:
        said = "SMTP_URL is not set: nobody gets mail, it goes to the log"
        return [Finding.note("mail", said, "set SMTP_URL and MAIL_FROM")]
    fault = await smtp.fault_of_server(settings.smtp)
    where = f"{settings.smtp.host}:{settings.smtp.port}"
    if fault is None:
        return [Finding.ok("mail", f"{where} greets us and takes our log-in")]
    return [Finding.wrong("mail", f"{where}: {fault.why}", "look at SMTP_URL")]


async def _of_telegram(settings: Settings) -> list[Finding]:
    if not settings.telegram_bot_token:
        return [Finding.note("telegram", "TELEGRAM_BOT_TOKEN is not set: no alerts by Telegram")]
    async with open_pool(settings.allow_insecure_providers) as pool, client_of(pool) as http:
        name = await bot.bot_name(Post(settings, http))
    if name:
        return [Finding.ok("telegram", f"the bot is @{name}")]
    remedy = "look at TELEGRAM_BOT_TOKEN, TELEGRAM_API_BASE and the firewall"
    return [Finding.wrong("telegram", "the bot does not say its name", remedy)]


def _of_push(settings: Settings) -> Finding:
    if settings.vapid_private_key:
        return Finding.ok("push", "VAPID_PRIVATE_KEY is a key")
    return Finding.note("push", "VAPID_PRIVATE_KEY is not set: no alerts in the browser")
