"""How a path is spelled. A route takes one slash more at its end or doubled between its parts;
what is for the operator's machines alone takes its exact spelling, which a proxy's rule blocks."""

from collections.abc import Mapping
from typing import Any

INTERNAL = ("/health/live", "/health/ready", "/metrics")
"""For the operator's machines."""


def canonical(path: str) -> str:
    """The path without slashes that say nothing."""
    if "//" not in path and not path.endswith("/"):
        return path
    return "/" + "/".join(part for part in path.split("/") if part)


def is_disguised(scope: Mapping[str, Any], path: str) -> bool:
    """Whether this is an internal route, whose canonical path is `path`, under another spelling."""
    if path not in INTERNAL:
        return False
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.partition(b"?")[0] != path.encode()
