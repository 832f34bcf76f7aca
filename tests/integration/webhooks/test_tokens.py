"""Tokens that rotate, secrets at rest, and targets that must not be reached."""

import socket
from typing import Any

import pytest

from payviox.db.pool import Database
from payviox.keyring import Keyring
from payviox.settings import Settings
from payviox.webhooks import settings as webhook_settings
from payviox.webhooks import targets
from payviox.webhooks.delivery import Courier
from support.hooked import Hook, deliver
from support.receiver import Received

pytestmark = pytest.mark.anyio


async def test_while_the_token_is_rotated_no_delivery_fails(hook: Hook, courier: Courier) -> None:
    hooked = await hook()
    known = [hooked.token]

    def accept_what_is_known(one: Received) -> int:
        for token in known:
            try:
                one.verify(token)
            except Exception:  # noqa: BLE001  # whatever the library says: not this token
                continue
            return 200
        return 401

    hooked.receiver.answer = accept_what_is_known
    write = hooked.database.write
    await hooked.happen()
    await deliver(courier, hooked)
    new = await write(webhook_settings.rotate, hooked.id, hooked.keyring, "test")
    await hooked.happen()
    await deliver(courier, hooked)
    assert len(hooked.receiver.received[-1].headers["webhook-signature"].split(" ")) == 2
    known[:] = [new]  # even a receiver that knows only one token at a time
    await hooked.happen()
    await deliver(courier, hooked)
    await write(webhook_settings.confirm, hooked.id, "test")
    await hooked.happen()
    await deliver(courier, hooked)
    assert len(hooked.receiver.received[-1].headers["webhook-signature"].split(" ")) == 1
    assert await hooked.deliveries() == [("delivered", 1, None)] * 4


async def test_a_token_that_cannot_be_decrypted_is_a_failed_attempt_with_the_reason(
    hook: Hook, database: Database, keyring: Keyring
) -> None:
    other_key = Courier(
        database, Keyring("another secret key of a fine length, not"), allow_private=True
    )
    hooked = await hook()
    await hooked.happen()
    await hooked.happen()
    await deliver(other_key, hooked)
    assert hooked.receiver.received == []
    assert [d[:2] for d in await hooked.deliveries()] == [("pending", 1)] * 2
    log = await hooked.rows(
        "SELECT status, error, request_headers FROM delivery_attempts WHERE business_id = %s"
    )
    assert log == [(None, "the server cannot decrypt the webhook's token", {})] * 2
    await hooked.time_passes()
    await deliver(Courier(database, keyring, allow_private=True), hooked)
    assert len(hooked.receiver.received) == 2
    await hooked.happen()
    for _ in range(4):
        await deliver(other_key, hooked)
        await hooked.time_passes()
    assert [d[:2] for d in await hooked.deliveries()][-1] == ("failed", 4)


async def test_reencryption_is_resumed_where_it_was_interrupted_and_loses_no_token(
    hook: Hook, database: Database, keyring: Keyring, settings: Settings
) -> None:
    hooked = [await hook() for _ in range(3)]
    new = await database.write(webhook_settings.rotate, hooked[0].id, keyring, "test")
    rotated = Keyring("the next secret key of a fine length", (settings.secret_key,))
    assert await database.write(lambda c: webhook_settings.reencrypt(c, rotated, limit=2)) == 2

    async def broken_off(connection: Any) -> None:
        await webhook_settings.reencrypt(connection, rotated)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.write(broken_off)
    while await database.write(lambda c: webhook_settings.reencrypt(c, rotated, limit=2)):
        pass
    after = Courier(database, Keyring("the next secret key of a fine length"), allow_private=True)
    await database.write(webhook_settings.confirm, hooked[0].id, "test")
    for one, token in zip(hooked, [new, hooked[1].token, hooked[2].token], strict=True):
        await one.happen()
        await deliver(after, one)
        one.receiver.received[0].verify(token)


async def test_a_private_target_is_never_connected_to_whatever_a_business_has_set(
    hook: Hook, database: Database, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard at the time of sending: the operator may have become stricter since, and a name may
    resolve to something else by then."""
    strict = Courier(database, keyring, allow_private=False)
    hooked = await hook()
    port = hooked.receiver.port

    async def rebound(_: str, port: int) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in ("93.184.216.34", "127.0.0.1")
        ]

    monkeypatch.setattr(targets, "_system_lookup", rebound)
    refused = {
        hooked.receiver.url: "the URL must begin with https://",
        f"https://127.0.0.1:{port}/": "the address is not public: 127.0.0.1 (loopback)",
        f"https://[::ffff:127.0.0.1]:{port}/": "the address is not public: ::ffff:7f00:1"
        " (not global unicast)",
        f"https://2130706433:{port}/": "the URL has no valid host",
        f"https://hooks.example.com:{port}/": "the name does not resolve to a public address",
    }
    for url in refused:
        await hooked.happen()
        await hooked.database.write(
            lambda c, url=url: c.execute(
                "UPDATE webhook_settings SET url = %s WHERE business_id = %s", [url, hooked.id]
            )
        )
        await deliver(strict, hooked)
    log = await hooked.rows(
        "SELECT url, error, status FROM delivery_attempts WHERE business_id = %s"
        " ORDER BY created_at"
    )
    assert log == [(url, error, None) for url, error in refused.items()]
    assert hooked.receiver.received == []


async def test_neither_tokens_nor_whole_signatures_are_in_the_database(
    hook: Hook, courier: Courier
) -> None:
    hooked = await hook()
    await hooked.happen()
    new = await hooked.database.write(webhook_settings.rotate, hooked.id, hooked.keyring, "test")
    await deliver(courier, hooked)
    (received,) = hooked.receiver.received
    everything = ""
    for table in ("webhook_settings", "events", "deliveries", "delivery_attempts"):
        everything += str(
            await hooked.rows(f"SELECT t::text FROM {table} t WHERE business_id = %s")
        )
    for secret in (hooked.token, new):
        raw = secret.removeprefix("whsec_")
        assert raw not in everything
        assert secret.encode().hex() not in everything
    assert received.headers["signature"] not in everything
    assert received.headers["webhook-signature"][3:] not in everything
    ((headers,),) = await hooked.rows(
        "SELECT request_headers FROM delivery_attempts WHERE business_id = %s"
    )
    assert headers["webhook-id"] == received.id
    assert str(headers).count("…") == 2
