"""Addresses of static files that change with their content, so that browsers may keep them for
ever.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote


def versioned(folder: Path) -> Callable[[str], str]:
    """`static_url` for the templates; an unknown name is a mistake in a template, and raises
    KeyError.
    """
    versions = {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()[:10]
        for file in folder.rglob("*")
        if file.is_file()
    }
    return lambda name: f"/static/{quote(name)}?v={versions[name]}"
