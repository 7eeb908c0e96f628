"""A providers file that points a built-in entry at a local server, and changes nothing else."""

import json
import re

from app.providers.placeholders import is_per_tenant
from app.providers.provider import Provider

ENDPOINTS = ("authorization_endpoint", "token_endpoint", "revocation_endpoint")


def overlay(provider: Provider, base: str) -> str:
    """Scheme and host of every address become `base`; a tenant's host becomes a part of the path.

    An address that is a kept value altogether stays: the service says where it leads.
    """
    lines = [f"[providers.{provider.name}]"]
    lines += [_line(key, getattr(provider, key), base) for key in ENDPOINTS]
    lines += [f"[providers.{provider.name}.probe]", _line("url", provider.probe.url, base)]
    if provider.revocation:
        lines.append(f"[providers.{provider.name}.revocation]")
        lines.append(_line("url", provider.revocation.url, base))
    return "\n".join(line for line in lines if line) + "\n"


def _line(key: str, address: str, base: str) -> str:
    if not address.startswith("https://"):
        return ""
    host = r"\1" if is_per_tenant(address) else ""
    local = re.sub(r"^https://([^/]+)/?", f"{base}/{host}/" if host else f"{base}/", address)
    return f"{key} = {json.dumps(local)}"
