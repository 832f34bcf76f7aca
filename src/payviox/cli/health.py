"""Asking the web process that serves here how it is, as the parent process does."""

import asyncio
import json

from payviox.settings import Settings

LIVE_PATH, READY_PATH = "/health/live", "/health/ready"
ANSWER_S = 5.0


async def worker_is_silent(settings: Settings) -> bool | None:
    """Whether the web process reaches the database and finds no worker's heartbeat there; None
    where it does not answer or cannot know."""
    _, body = await _get(settings, READY_PATH)
    try:
        checks = json.loads(body)["checks"]
        if not checks["database"] == checks["schema"] == "ok":
            return None
        return bool(checks["worker"] != "ok")
    except (ValueError, LookupError, TypeError):
        return None


async def answers(settings: Settings, path: str) -> bool:
    """Whether the web process answers this path with 200."""
    status, _ = await _get(settings, path)
    return status.startswith(b"HTTP/1.1 200 ")


async def _get(settings: Settings, path: str) -> tuple[bytes, bytes]:
    """The status line and the body; nothing where there is no answer."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104  # compared, not bound
    try:
        async with asyncio.timeout(ANSWER_S):
            reader, writer = await asyncio.open_connection(host, settings.port)
            try:
                request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
                writer.write(request.encode())
                status, _, rest = (await reader.read()).partition(b"\r\n")
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return b"", b""
    return status, rest.partition(b"\r\n\r\n")[2]
