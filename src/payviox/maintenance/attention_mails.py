"""Mails to operators about what needs somebody: the worker's look at it, and what each mail says,
made when it is sent. The causes are those of *Home* and of `payviox attention`."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from payviox import ids
from payviox.db.pool import Connection, Database
from payviox.keyring import Keyring
from payviox.mails.model import Mail, Message, Prepare
from payviox.money import dollars
from payviox.operator_mails import choices, telling
from payviox.operator_mails.model import Choices, Reader, Subject
from payviox.reporting import attention
from payviox.reporting.attention import ADVICE, Matter


async def tell_operators(database: Database) -> None:
    """Write a mail to everybody who wants to be told of what needs somebody and does not know it;
    see what has ended, and what mails failed to tell."""
    if not await database.fetch(choices.is_anybody_told):
        return
    # In this order: what somebody is told of after the first look is not seen to end by the second.
    lasting = await database.fetch(telling.list_lasting)
    matters = await database.fetch(attention.matters)
    subjects = {_subject(matter) for matter in matters}
    ended = [told_id for told_id, subject in lasting if subject not in subjects]
    await database.write(telling.end, ended)
    await database.write(telling.end_failed)
    await database.write(telling.tell, list(subjects))
    for reader in await database.fetch(choices.list_daily):
        day = choices.digest_day(reader.choices.zone, datetime.now(UTC))
        if reader.digest_on < day:
            wanted = {_subject(matter) for matter in matters if _wants(reader.choices, matter)}
            await database.write(telling.write_digest, reader, day, list(wanted))


def prepares(keyring: Keyring, site: str) -> Mapping[Message, Prepare]:
    """For each message of this module what completes it. `site` is the dashboard's address."""
    return {
        "attention": partial(_or_take_back, partial(_attention, site)),
        "attention_digest": partial(_or_take_back, partial(_digest, keyring, site)),
    }


async def _or_take_back(
    prepare: Prepare, connection: Connection, mail: Mail
) -> Mapping[str, object] | None:
    more = await prepare(connection, mail)
    if more is None:
        await telling.take_back(connection, mail)
    return more


async def _attention(site: str, connection: Connection, mail: Mail) -> Mapping[str, Any] | None:
    """Nobody is told of what has ended, or of what they do not want or may not see any more."""
    reader = await _reader(connection, mail)
    business_id = ids.parse(ids.BUSINESS, mail.facts["business"])
    if reader is None or business_id is None:
        return None
    cause = mail.facts["cause"]
    matters = [
        matter
        for matter in await _matters(connection, reader, business_id)
        if matter.cause == cause
    ]
    if not matters:
        return None
    return {
        "title": ADVICE[matters[0].cause].title,
        "name": _name(matters[0]),
        "lines": [_line(matter, reader.choices) for matter in matters],
        "link": _address(site, business_id, _page_of(matters)),
        "account": _account(site),
    }


async def _digest(
    keyring: Keyring, site: str, connection: Connection, mail: Mail
) -> Mapping[str, Any] | None:
    """Everything that needs them now, what is new since the last one marked."""
    reader = await _reader(connection, mail)
    if reader is None:
        return None
    matters = await _matters(connection, reader)
    if not matters:
        return None
    is_new = {(business, cause) for business, cause in mail.facts["new"]}
    groups: dict[UUID, dict[str, Any]] = {}
    for matter in matters:
        group = groups.setdefault(matter.business_id, {"name": _name(matter), "lines": []})
        line = {
            **_line(matter, reader.choices),
            "is_new": (ids.show(ids.BUSINESS, matter.business_id), matter.cause) in is_new,
            "link": _address(site, matter.business_id, matter.page),
        }
        group["lines"].append(line)
    names = [group["name"] for group in groups.values()]
    return {
        "where": names[0] if len(names) == 1 else f"{len(names)} businesses",
        "groups": list(groups.values()),
        "account": _account(site),
        "stop_address": choices.stop_address(site, keyring, reader.operator_id),
    }


async def _reader(connection: Connection, mail: Mail) -> Reader | None:
    operator_id = ids.parse(ids.OPERATOR, mail.facts["operator"])
    return None if operator_id is None else await choices.find_reader(connection, operator_id)


async def _matters(
    connection: Connection, reader: Reader, business_id: UUID | None = None
) -> list[Matter]:
    """What needs somebody of all that this operator wants to be told of and may see."""
    matters = [
        matter
        for matter in await attention.matters(connection, business_id)
        if _wants(reader.choices, matter)
    ]
    at = {matter.business_id for matter in matters}
    seen = {each for each in at if await telling.may_look(connection, reader.operator_id, each)}
    return [matter for matter in matters if matter.business_id in seen]


def _wants(chosen: Choices, matter: Matter) -> bool:
    return matter.cause in chosen.causes and (matter.mode == "live" or chosen.with_test)


def _subject(matter: Matter) -> Subject:
    return Subject(matter.business_id, matter.cause)


def _name(matter: Matter) -> str:
    return matter.name if matter.mode == "live" else f"{matter.name} (test)"


def _line(matter: Matter, chosen: Choices) -> dict[str, Any]:
    """What it is, how many, how much, where and since when, and what to do."""
    facts = [str(matter.number)]
    if matter.cents is not None:
        facts.append(dollars(matter.cents))
    if matter.rail is not None:
        facts.append(matter.rail)
    if matter.oldest is not None:
        facts.append(f"since {_moment(matter.oldest, chosen.zone)}")
    meaning = matter.advice.meaning
    return {
        "what": meaning[:1].upper() + meaning[1:],
        "facts": ", ".join(facts),
        "next_step": matter.advice.next_step,
    }


def _moment(moment: datetime, zone: str) -> str:
    there = moment.astimezone(choices.zone_of(zone))
    return f"{there:%Y-%m-%d %H:%M} ({there.tzinfo})"


def _page_of(matters: Sequence[Matter]) -> str:
    """The page of all of them; *Home* where each has its own."""
    pages = {matter.page for matter in matters}
    return pages.pop() if len(pages) == 1 else ""


def _address(site: str, business_id: UUID, page: str) -> str:
    return f"{site}/dashboard/{ids.show(ids.BUSINESS, business_id)}{page}"


def _account(site: str) -> str:
    return f"{site}/account/mails"
