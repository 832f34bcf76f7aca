"""Where a rail's API or an external signer may be: an address that is read in one way alone."""

import ipaddress
import re
from urllib.parse import urlsplit

_LABEL = "[a-z0-9]([a-z0-9-]*[a-z0-9])?"
HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?", re.ASCII)
URL = re.compile(r"[A-Za-z]+://[A-Za-z0-9.:\[\]-]{1,260}(/[A-Za-z0-9._~%:/-]{0,240})?", re.ASCII)
"""Scheme, host and port, path: nothing else, and nothing that programs read differently."""


def check_url(name: str, text: str) -> None:
    """Secrets go there: https, or a service on this machine. The host is written in the one way in
    which everybody reads it: no letters that only look like others, nothing escaped. Raises
    ValueError, with a sentence for people."""
    try:
        parts = urlsplit(text if URL.fullmatch(text) else "")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if port == 0 or not (HOST.fullmatch(host) or _is_ip(host)):
        # It is not repeated: somebody may have put a password into it.
        raise ValueError(f"{name} must be a URL such as https://api.example.com/v2, without more.")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_this_machine(host)):
        raise ValueError(f"{name} must begin with https://, unless it is on this machine.")


def is_this_machine(host: str) -> bool:
    """Whether it is reached without leaving the machine."""
    return host == "localhost" or (_is_ip(host) and ipaddress.ip_address(host).is_loopback)


def _is_ip(host: str) -> bool:
    try:
        return bool(ipaddress.ip_address(host))
    except ValueError:
        return False
