"""The demo bank's page for its customer: hand a file over, end the bank's day, take its reports."""

import asyncio
from collections.abc import Sequence
from email import message_from_bytes, policy
from pathlib import Path

from msgspec import Struct

from payviox.cli.demo.bank.accounts import ENDINGS, BankReport, DemoAccounts
from payviox.cli.demo.bank.books import TakenFile
from payviox.cli.demo.http_requests import TIME_S, HttpRequest, read
from payviox.money import decimal
from payviox.web import pages as web_pages
from payviox.web.mail_frames import POLICY_AROUND

HERE = Path(__file__).parent
MOST_BODY = 20_000_000


class AccountLine(Struct, frozen=True):
    """An account; `amount` has its currency."""

    number: str
    amount: str
    today: str


class BankView(Struct, frozen=True):
    """All of the bank. Reports and files are the newest first."""

    accounts: Sequence[AccountLine]
    files: Sequence[TakenFile]
    reports: Sequence[tuple[int, BankReport]]
    endings: Sequence[tuple[str, str]]
    problem: str | None


class BankPages:
    """A server of the page for browsers on this machine."""

    def __init__(self, accounts: DemoAccounts) -> None:
        self._accounts = accounts
        self._pages = web_pages.load(HERE)
        self._hosts: frozenset[str] = frozenset()

    async def start(self) -> tuple[asyncio.Server, str]:
        """Listen; answers the server and the page's address."""
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        # A page elsewhere may have a name that leads here.
        self._hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
        return server, f"http://127.0.0.1:{port}/"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request, and the end of the connection."""
        try:
            async with asyncio.timeout(TIME_S):
                request = await read(reader, MOST_BODY)
                status, body, headers = self._answer(request)
                headers = {**headers, "Content-Length": str(len(body)), "Connection": "close"}
                lines = [f"HTTP/1.1 {status} -"]
                lines += [f"{name}: {value}" for name, value in headers.items()]
                writer.write("\r\n".join([*lines, "\r\n"]).encode("latin-1") + body)
                await writer.drain()
        except (OSError, TimeoutError):
            return  # the browser went away
        finally:
            writer.close()

    def _answer(self, request: HttpRequest | None) -> tuple[int, bytes, dict[str, str]]:
        if request is None:
            return _plain(400, "This is no request, or its file is too large.")
        host = request.headers.get("host", "")
        if host not in self._hosts:
            return _plain(421, "Open the address that the demo printed.")
        if request.method == "POST":
            if request.headers.get("origin") != f"http://{host}":
                return _plain(403, "Press the button on this bank's page.")
            return self._post(request)
        return self._get(request.target.partition("?")[0])

    def _get(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        assets = self._pages.assets
        for name, asset in assets.files.items():
            if path == assets.url(name):
                return 200, asset.content, {"Content-Type": asset.media_type}
        if path == "/":
            return self._page(None)
        number = path.removeprefix("/reports/").partition("/")[0]
        if number.isascii() and number.isdigit() and int(number) < len(self._accounts.reports):
            report = self._accounts.reports[int(number)]
            return (
                200,
                report.content,
                {
                    "Content-Type": "application/octet-stream",
                    "Content-Disposition": f'attachment; filename="{report.name}"',
                },
            )
        return _plain(404, "The bank has no such page.")

    def _post(self, request: HttpRequest) -> tuple[int, bytes, dict[str, str]]:
        if request.target == "/day":
            self._accounts.end_day()
            return 303, b"", {"Location": "/"}
        if request.target == "/files":
            content = _uploaded(request)
            if not content:
                return self._page("Choose a file first.", 400)
            self._accounts.take(content)
            return 303, b"", {"Location": "/"}
        return _plain(404, "The bank has no such page.")

    def _page(self, problem: str | None, status: int = 200) -> tuple[int, bytes, dict[str, str]]:
        view = BankView(
            accounts=[
                AccountLine(
                    books.number or books.owner,
                    f"{decimal(books.balance)} {name}",
                    books.today.isoformat(),
                )
                for name, books in self._accounts.books.items()
            ],
            files=self._accounts.taken[::-1],
            reports=list(enumerate(self._accounts.reports))[::-1],
            endings=[(digit, words) for digit, (_, _, words) in ENDINGS.items()],
            problem=problem,
        )
        headers = {
            **web_pages.HEADERS,
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": POLICY_AROUND,
        }
        return status, self._pages.render("bank.html", view, theme=None).encode(), headers


def _uploaded(request: HttpRequest) -> bytes:
    """The file of a form; nothing where there is none."""
    kind = request.headers.get("content-type", "")
    message = message_from_bytes(
        f"Content-Type: {kind}\r\n\r\n".encode("latin-1") + request.body, policy=policy.HTTP
    )
    for part in message.walk():
        if part.get_filename():
            content = part.get_payload(decode=True)
            return content if isinstance(content, bytes) else b""
    return b""


def _plain(status: int, text: str) -> tuple[int, bytes, dict[str, str]]:
    return status, text.encode(), {"Content-Type": "text/plain; charset=utf-8"}
