"""Which sites may show a business's redemption page inside their own: exact origins, no
patterns."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit
from uuid import UUID

import idna

from payviox.actors import Actor
from payviox.audit import service as audit
from payviox.auth.redemption import CODE_LENGTH
from payviox.businesses import service as businesses
from payviox.db.pool import Connection
from payviox.errors import FieldErrors
from payviox.sites.queries import sites as queries

MOST = 20
HERE = ("localhost", "127.0.0.1")
"""Hosts that need no TLS: what they say leaves no machine."""
PORTS = {"http": 80, "https": 443}
HOST = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*"
)
EXAMPLE = "such as https://shop.example.com"

get = queries.origins


async def of_links(connection: Connection, secret: str) -> Sequence[str]:
    """The origins of the business whose links, tickets and sessions begin so."""
    code = secret[:CODE_LENGTH]
    return await queries.origins_of_code(connection, code) if code.isalnum() else []


async def save(
    connection: Connection, business_id: UUID, origins: Sequence[str], actor: Actor
) -> None:
    """Let these sites and no others show the page. Raises NotFound and Forbidden."""
    await businesses.get(connection, business_id)
    before = await queries.origins(connection, business_id)
    if before == list(origins):
        return
    await queries.set_origins(connection, business_id, origins)
    await audit.record(
        connection,
        business_id,
        actor,
        "site.set_origins",
        before={"origins": before},
        after={"origins": list(origins)},
    )


def parse(texts: Sequence[str]) -> list[str]:
    """Typed origins in the form in which browsers name them, each once. Raises FieldErrors."""
    named = [text.strip() for text in texts if text.strip()]
    if len(named) > MOST:
        raise FieldErrors({"origins": [f"No more than {MOST} sites may show the page."]})
    problems, parsed = [], []
    for text in named:
        try:
            parsed.append(_parse(text))
        except ValueError as error:
            problems.append(f"{text[:100]}: {error}")
    if problems:
        raise FieldErrors({"origins": problems})
    return list(dict.fromkeys(parsed))


def _parse(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
        name = host if host.isascii() else idna.encode(host, uts46=True).decode()
    except ValueError as error:
        raise ValueError(f"Type the address of a site, {EXAMPLE}.") from error
    if "@" in parts.netloc or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"Type the site alone, without what follows it, {EXAMPLE}.")
    if parts.scheme != "https" and not (parts.scheme == "http" and name in HERE):
        raise ValueError(f"The address begins with https, {EXAMPLE}.")
    is_number = name.rpartition(".")[2].isdigit() and name not in HERE
    if HOST.fullmatch(name) is None or is_number:
        raise ValueError(f"Type the name of one site in full, {EXAMPLE}.")
    standard = port is None or port == PORTS[parts.scheme]
    return f"{parts.scheme}://{name}" + ("" if standard else f":{port}")
