"""`payviox web` by itself, as a process."""

from collections.abc import Callable
from pathlib import Path

import httpx

from support.installation import until
from support.live import LiveServer


def test_it_listens_where_a_name_says_and_says_once_that_it_answers(
    make_live_server: Callable[..., LiveServer],
) -> None:
    web = make_live_server(PAYVIOX_HOST="localhost")

    ready = f"Payviox is ready at http://localhost:{web.port} (documentation: /docs)\n"
    until(lambda: ready in web.log.read_text())
    assert web.log.read_text().count("is ready") == 1
    head = httpx.head(f"{web.url}/health/live")
    assert (head.status_code, head.headers["Content-Length"]) == (200, "17")
    assert head.content == b""
    assert web.process is not None
    limits = Path(f"/proc/{web.process.pid}/limits").read_text()
    core, files = (
        next(line.split() for line in limits.splitlines() if line.startswith(name))
        for name in ("Max core file size", "Max open files")
    )
    assert core[4:6] == ["0", "0"]
    assert files[3] == files[4], "as many files as it may"
    assert web.stop() == 0
