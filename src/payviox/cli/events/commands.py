"""`payviox listen` and `payviox events tail`: events as they pass, and each given to a receiver on
the developer's machine, signed as its webhook would be."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime

import click
from click.core import ParameterSource

from payviox.cli.events.api import URL_NAME, Api, ask_key
from payviox.cli.events.following import Event, follow
from payviox.cli.groups import Group
from payviox.cli.output import as_json
from payviox.settings import load
from payviox.signals import on_stop
from payviox.webhooks.events import TYPES
from payviox.webhooks.sender import Answer, Kept, post
from payviox.webhooks.signing import TOKEN_PREFIX, sign
from payviox.webhooks.targets import Target, TargetError, parse_target

COLUMNS = f"{'time':<8}  {'type':<17}  {'order_id':<40}"

url_option = click.option(
    "--api-url",
    envvar=URL_NAME,
    help=f"Where the installation is, else {URL_NAME}, else PAYVIOX_PUBLIC_URL.",
)


def address_of(api_url: str | None) -> tuple[str, str]:
    """Where the installation is, and what says so."""
    if api_url is None:
        return load().public_url, "PAYVIOX_PUBLIC_URL"
    source = click.get_current_context().get_parameter_source("api_url")
    return api_url, URL_NAME if source is ParameterSource.ENVIRONMENT else "--api-url"


types_option = click.option(
    "--events", "types", help=f"Only these, separated by commas: {', '.join(TYPES)}."
)


@click.command()
@click.option(
    "--forward-to", required=True, help="Where to POST them, such as http://localhost:4242/."
)
@types_option
@url_option
@as_json
def listen(*, forward_to: str, types: str | None, api_url: str | None, as_json: bool) -> None:
    """Forward a test business's events to your machine, signed as its webhooks are.

    Give your receiver the token that is shown first; it stays the same for the same secret key.
    Nothing is set up at the installation, and an event that your receiver refuses is not sent
    again. The secret key of the test business comes from PAYVIOX_KEY, or is asked for.
    """
    key = ask_key(test_only=True)
    wanted = _types(types)
    try:
        target = parse_target(forward_to, allow_private=True)
    except TargetError as error:
        raise click.UsageError(f"--forward-to is not accepted: {error}.") from error
    token, where = token_of(key), address_of(api_url)

    async def work() -> None:
        kept = Kept()
        greeting = f"Events go to {forward_to}, signed with {token}"
        async with Api(*where, key) as api:
            async for event in follow(api, _say, lambda: _begin(as_json, greeting, "  answer")):
                if event.type in wanted:
                    answer = await forward(event, target, token, kept)
                    _show(event, as_json, answer)

    _until_stopped(work)


@click.group(cls=Group)
def events() -> None:
    """Events of a business, as they happen."""


@events.command()
@types_option
@url_option
@as_json
def tail(*, types: str | None, api_url: str | None, as_json: bool) -> None:
    """Show a business's events as they happen, until Ctrl-C.

    The business's secret key comes from PAYVIOX_KEY, or is asked for.
    """
    key = ask_key(test_only=False)
    wanted, where = _types(types), address_of(api_url)

    async def work() -> None:
        async with Api(*where, key) as api:
            greeting = f"Events of {api.url}"
            async for event in follow(api, _say, lambda: _begin(as_json, greeting, "")):
                if event.type in wanted:
                    _show(event, as_json, None)

    _until_stopped(work)


def token_of(secret_key: str) -> str:
    """The token that signs what is forwarded for this key: nobody else's, and the same each time.

    It is no webhook's token: who sees it can forge what a developer's machine is sent, nothing
    else, and the key cannot be found from it.
    """
    digest = hmac.digest(secret_key.encode(), b"payviox listen", hashlib.sha256)
    return TOKEN_PREFIX + base64.b64encode(digest).decode()


async def forward(event: Event, target: Target, token: str, kept: Kept) -> Answer:
    """POST one event as its webhook would be; answers what the receiver said."""
    body = bytes(event.body)
    return await post(target, body, sign(token, body, event.id, datetime.now(UTC)), kept=kept)


def _types(text: str | None) -> Sequence[str]:
    if text is None:
        return TYPES
    names = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in names if name not in TYPES]:
        raise click.UsageError(f"There is no event {unknown[0]}. There are: {', '.join(TYPES)}.")
    return names or TYPES


def _begin(as_json: bool, greeting: str, more_columns: str) -> None:
    _say(f"{greeting}\nStop with Ctrl-C.\n")
    if not as_json:
        click.echo(COLUMNS + more_columns)


def _show(event: Event, as_json: bool, answer: Answer | None) -> None:
    if as_json:
        shown = {
            "event_id": event.id,
            "type": event.type,
            "created_at": event.created_at.isoformat(),
            "body": json.loads(bytes(event.body)),
        }
        if answer is not None:
            shown["answer"] = {
                "status": answer.status,
                "error": answer.error,
                "duration_ms": answer.duration_ms,
            }
        click.echo(json.dumps(shown))
        return
    time = event.created_at.astimezone().strftime("%H:%M:%S")
    line = f"{time}  {event.type:<17}  {event.order_id or 'a test':<40}"
    if answer is not None:
        line += f"  {answer.status or answer.error}  {answer.duration_ms} ms"
    click.echo(line.rstrip())


def _say(text: str) -> None:
    click.echo(text, err=True)


def _until_stopped(work: Callable[[], Coroutine[None, None, None]]) -> None:
    """Run until SIGINT or SIGTERM, which end it well."""

    async def run() -> None:
        working = asyncio.create_task(work())
        on_stop(working.cancel)
        try:
            await working
        except asyncio.CancelledError:
            return

    asyncio.run(run())
