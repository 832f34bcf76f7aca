"""Pages with the mails of the demo: their list, and each with its text beside its HTML. A mail is
somebody else's document: it stands in a frame without scripts, whose links open a new window."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import cast
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from payviox.cli.demo.http_requests import TIME_S, read
from payviox.cli.demo.mails.folder import Folder
from payviox.web import mail_frames
from payviox.web import pages as web_pages
from payviox.web.mail_frames import POLICY_AROUND

HERE = Path(__file__).parent
PAGE = 50


@dataclass(frozen=True, slots=True)
class MailLine:
    """A mail of the list."""

    address: str
    subject: str
    to: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ListView:
    """The mails that go by `search`, the newest first; `first` and `older` lead to the others."""

    mails: Sequence[MailLine]
    search: str
    first: str | None
    older: str | None


@dataclass(frozen=True, slots=True)
class MailView:
    """One mail; `frame` is where its HTML is, if it has any."""

    subject: str
    sender: str
    to: str
    answers_to: str
    at: datetime
    text: str
    frame: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request is answered with."""

    status: int
    body: bytes
    headers: dict[str, str]


class MailPages:
    """A server of pages for browsers on this machine."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._pages = web_pages.load(HERE)
        self._hosts: frozenset[str] = frozenset()

    def listen_at(self, port: int) -> None:
        """Answer to these names alone: a page elsewhere may have a name that leads here."""
        self._hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request, and the end of the connection."""
        try:
            async with asyncio.timeout(TIME_S):
                request = await read(reader)
                if request is None or request.method not in ("GET", "HEAD"):
                    answer = _plain(400, "This is no request for a page.")
                elif request.headers.get("host") not in self._hosts:
                    answer = _plain(421, "Open the address that the demo printed.")
                else:
                    path, _, query = request.target.partition("?")
                    answer = self._answer(path, dict(parse_qsl(query)))
                headers = {**answer.headers, "Content-Length": str(len(answer.body))}
                lines = [f"HTTP/1.1 {answer.status} -", "Connection: close"]
                lines += [f"{name}: {value}" for name, value in headers.items()]
                writer.write("\r\n".join([*lines, "\r\n"]).encode("latin-1"))
                if request is None or request.method != "HEAD":
                    writer.write(answer.body)
                await writer.drain()
        except (OSError, TimeoutError):
            return  # the browser went away
        finally:
            writer.close()

    def _answer(self, path: str, query: Mapping[str, str]) -> Answer:
        assets = self._pages.assets
        for name, asset in assets.files.items():
            if path == assets.url(name):
                return Answer(200, asset.content, {"Content-Type": asset.media_type})
        first, _, rest = path.removeprefix("/").partition("/")
        if not first:
            after = _uuid(query.get("after", ""))
            return self._page("list.html", self._list(query.get("search", "").strip(), after))
        mail_id = _uuid(first)
        mail = None if mail_id is None else self._folder.find(mail_id)
        if mail is None:
            return _plain(404, "There is no such mail.")
        if rest == "html" and (html := _part(mail, "html")) is not None:
            document, headers = mail_frames.framed(html)
            return Answer(200, document.encode(), headers)
        if rest:
            return _plain(404, "There is no such mail.")
        return self._page("show.html", _view(first, mail))

    def _page(self, template: str, view: object) -> Answer:
        headers = {
            **web_pages.HEADERS,
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": POLICY_AROUND,
        }
        text = self._pages.render(template, view, theme=None)
        return Answer(200, text.encode(), headers)

    def _list(self, search: str, after: UUID | None) -> ListView:
        wanted = {"search": search} if search else {}
        mails: list[MailLine] = []
        older = None
        for mail_id in self._folder.newest(after):
            mail = self._folder.find(mail_id)
            if mail is None:
                continue
            subject, to = str(mail["Subject"]), str(mail["To"])
            if search.casefold() not in f"{subject}\n{to}".casefold():
                continue
            if len(mails) == PAGE:
                last = mails[-1].address.removeprefix("/")
                older = f"/?{urlencode({**wanted, 'after': last})}"
                break
            mails.append(MailLine(f"/{mail_id}", subject, to, _date(mail)))
        first = f"/?{urlencode(wanted)}" if after is not None else None
        return ListView(mails, search, first, older)


def _view(shown_id: str, mail: EmailMessage) -> MailView:
    return MailView(
        subject=str(mail["Subject"]),
        sender=str(mail["From"]),
        to=str(mail["To"]),
        answers_to=str(mail.get("Reply-To", "")),
        at=_date(mail),
        text=_part(mail, "plain") or "",
        frame=None if _part(mail, "html") is None else f"/{shown_id}/html",
    )


def _date(mail: EmailMessage) -> datetime:
    return cast("datetime", mail["Date"].datetime)


def _part(mail: EmailMessage, kind: str) -> str | None:
    part = mail.get_body((kind,))
    return None if part is None else str(part.get_content())


def _plain(status: int, text: str) -> Answer:
    return Answer(status, text.encode(), {"Content-Type": "text/plain; charset=utf-8"})


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
