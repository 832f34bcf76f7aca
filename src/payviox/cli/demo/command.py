"""`payviox demo`: `serve` with a business to play with and somebody who listens to its webhooks."""

import asyncio
import contextlib
import json
import os
import shlex
import sys
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import click
import psycopg

from payviox import settings as settings_module
from payviox.auth.redemption import redeem_address
from payviox.cli.demo.bank.server import DemoBank
from payviox.cli.demo.chain import CHAIN, CHAIN_ID, COIN, DemoChain, NoCrypto
from payviox.cli.demo.kept import demo_business
from payviox.cli.demo.mails.server import SENDER, DemoMails
from payviox.cli.demo.receiver import Receiver
from payviox.cli.demo.seed import OPERATOR, Demo
from payviox.cli.runtime import Runtime, run_on
from payviox.cli.serve import migrating as migrating_option
from payviox.cli.serve import supervised
from payviox.db.pool import Database
from payviox.recipient_mails import notices
from payviox.settings import Settings

JSON = "-H 'Content-Type: application/json' -d"
GREETING = "Starting PostgreSQL, and Payviox on it: some seconds, the first time most."
PAYEE = "0x52908400098527886E0F7030069857D2E4169EE7"


class Places(NamedTuple):
    """The addresses of the demo's own pages."""

    mails: str
    bank: str


@click.command()
@migrating_option
def demo(migrating: bool) -> None:
    """Serve, with a test business that has money, payout users, orders and gift cards.

    A local receiver verifies and prints its webhooks, and a local mail server shows its mails.
    Made at the first start and kept: its keys are in demo.json under PAYVIOX_HOME. No real money
    moves.
    """
    # The receiver listens on this machine, which webhooks may not reach otherwise.
    os.environ["PAYVIOX_ALLOW_PRIVATE_WEBHOOKS"] = "1"
    # Some of its orders wait or fail on purpose: that is no news between its own lines.
    os.environ.setdefault("PAYVIOX_LOG_LEVEL", "error")
    mails = DemoMails()
    os.environ |= {"PAYVIOX_SMTP_URL": mails.smtp_url, "PAYVIOX_MAIL_FROM": SENDER}
    with supervised(settings_module.load(), migrating=migrating, greeting=GREETING) as serving:
        supervisor, settings, urls = serving

        async def work(runtime: Runtime) -> None:
            receiver = Receiver(click.echo)
            chain = DemoChain(settings.home)
            bank = DemoBank(settings.home)
            try:
                mails_at, bank_at = await mails.start(settings.home), await bank.start()
                seeded = await demo_business(runtime, await receiver.start(), click.echo)
                receiver.token = seeded.webhook_token
                await bank.connect(runtime, seeded.id)
                crypto = await _crypto(runtime, chain, seeded)
                hurrying = asyncio.create_task(_hurry(runtime.database, seeded.id))
                try:
                    places = Places(mails_at, bank_at)
                    await supervisor.run(lambda: _say_ready(settings, seeded, places, crypto))
                finally:
                    hurrying.cancel()
            finally:
                await mails.stop()
                await bank.stop()
                await receiver.stop()
                await chain.stop()

        asyncio.run(run_on(settings, urls.application, work))


async def _hurry(database: Database, business_id: UUID) -> None:
    """Mails of money received go out at once, not after the minutes in which more is collected:
    somebody looks."""
    while True:
        with contextlib.suppress(psycopg.Error):
            await notices.write_due(database, business_id, early=True)
        await asyncio.sleep(1)


async def _crypto(runtime: Runtime, chain: DemoChain, seeded: Demo) -> str:
    """What to say of crypto: how to try it, or why it is left out."""
    try:
        await chain.start()
        await chain.connect(runtime, seeded.id)
    except NoCrypto as error:
        await chain.leave(runtime, seeded.id)
        return str(error)
    order = {
        "provider": "crypto",
        "amount": 1_200,
        "crypto": {"currency": COIN, "chain": CHAIN, "to_address": PAYEE},
    }
    call = f"curl -X POST {runtime.settings.public_url}/payout/withdraw"
    return f"""Give her ether on a test chain of this machine (chain {CHAIN_ID} at {chain.url}):

{call} -H 'X-Payout-Hash: {seeded.ada}' {JSON} '{json.dumps(order)}'"""


def _say_ready(settings: Settings, seeded: Demo, places: Places, crypto: str) -> None:
    url = settings.public_url
    create = (
        f"curl -X POST {url}/payout/create -H 'Authorization: Bearer {seeded.secret_key}' {JSON}"
        ' \'{"email":"ada@example.com","amount":2500}\''
    )
    withdraw = (
        f"curl -X POST {url}/payout/withdraw -H 'X-Payout-Hash: {seeded.ada}' {JSON}"
        ' \'{"provider":"paypal","amount":1000,"paypal":{"email":"ada@example.com"}}\''
    )
    click.echo(
        f"""
Payviox demo is ready at {url}

  Dashboard           {url}/dashboard
  Email               {OPERATOR}
  Password            {seeded.password}
  API documentation   {url}/docs
  Redemption link     {redeem_address(url, seeded.ada)}
  Mails               {places.mails}
  Bank                {places.bank}
  Business (test)     {seeded.business_id}
  Secret key          {seeded.secret_key}
  Public key          {seeded.public_key}
  Webhook token       {seeded.webhook_token}

Pay ada $25.00 (paste it into another terminal); a mail tells her, which you find under Mails:

{create}

See what she has, and give her a PayPal payout (a simulated one):

curl {url}/payout/operations -H 'X-Payout-Hash: {seeded.ada}'
{withdraw}

{crypto}

Pay her by bank transfer, all in pages: by her redemption link to an IBAN, such as
DE89370400440532013000 (she gets euros), or a US account (routing number 021000021, any number); on
the dashboard, under Bank files, cut a file, approve, release and download it; hand it to the demo's
bank, and end the bank's day there; import its statement, under Bank files again. Then the order
succeeds.

Look behind the scenes, in that terminal too:

{_exports(settings, seeded)}
payviox order list {seeded.business_id}
payviox webhook log {seeded.business_id}
payviox trigger payout.failed
payviox ledger verify

Webhooks that arrive are verified and printed below. Stop with Ctrl-C.
"""
    )


def _exports(settings: Settings, seeded: Demo) -> str:
    """The line after which `payviox` is found and finds this installation."""
    beside = Path(sys.executable).parent
    folder = beside if (beside / "payviox").exists() else Path(sys.argv[0]).absolute().parent
    return (
        f"export PAYVIOX_HOME={shlex.quote(str(settings.home))}"
        f" PAYVIOX_URL={shlex.quote(settings.public_url)} PAYVIOX_KEY={seeded.secret_key}"
        f" PAYVIOX_PORT={settings.port} PAYVIOX_PUBLIC_URL={shlex.quote(settings.public_url)}"
        f' PATH={shlex.quote(str(folder))}:"$PATH" PAYVIOX_ALLOW_PRIVATE_WEBHOOKS=1'
        f" PAYVIOX_SMTP_URL={shlex.quote(os.environ['PAYVIOX_SMTP_URL'])}"
        f" PAYVIOX_MAIL_FROM={shlex.quote(SENDER)}"
    )
