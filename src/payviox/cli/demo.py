"""`payviox demo`: `serve` with a business to play with and somebody who listens to its webhooks."""

import asyncio
import os
import shlex
import sys
from pathlib import Path

import click

from payviox import settings as settings_module
from payviox.cli.demo_kept import demo_business
from payviox.cli.demo_receiver import Receiver
from payviox.cli.demo_seed import Demo
from payviox.cli.runtime import Runtime, with_runtime
from payviox.cli.serve import migrating as migrating_option
from payviox.cli.serve import supervised
from payviox.cli.supervisor import Supervisor
from payviox.settings import Settings


@click.command()
@migrating_option
def demo(migrating: bool) -> None:
    """Serve, with a test business that has money, payout users, orders and gift cards.

    A local receiver verifies and prints its webhooks. Made at the first start and kept: its keys
    are in demo.json under PAYVIOX_HOME. No real money moves.
    """
    # The receiver listens on this machine, which webhooks may not reach otherwise.
    os.environ["PAYVIOX_ALLOW_PRIVATE_WEBHOOKS"] = "1"
    with supervised(settings_module.load(), migrating=migrating) as (settings, urls):

        async def work(runtime: Runtime) -> None:
            receiver = Receiver(click.echo)
            try:
                found = await demo_business(runtime, await receiver.start(), click.echo)
                receiver.token = found.webhook_token
                await Supervisor(settings).run(lambda: _say_ready(settings, found))
            finally:
                await receiver.stop()

        asyncio.run(with_runtime(settings, urls, work))


def _say_ready(settings: Settings, found: Demo) -> None:
    url = settings.public_url
    json = "-H 'Content-Type: application/json' -d"
    create = (
        f"curl -X POST {url}/payout/create -H 'Authorization: Bearer {found.secret_key}' {json}"
        ' \'{"email":"ada@example.com","amount":2500}\''
    )
    withdraw = (
        f"curl -X POST {url}/payout/withdraw -H 'X-Payout-Hash: {found.ada}' {json}"
        ' \'{"provider":"paypal","amount":1000,"paypal":{"email":"ada@example.com"}}\''
    )
    click.echo(
        f"""
Payviox demo is ready at {url}

  API documentation   {url}/docs
  Business (test)     {found.business_id}
  Secret key          {found.secret_key}
  Public key          {found.public_key}
  Webhook token       {found.webhook_token}

Pay ada $25.00 (paste it into another terminal):

{create}

See what she has, and give her a PayPal payout (a simulated one):

curl {url}/payout/operations -H 'X-Payout-Hash: {found.ada}'
{withdraw}

Look behind the scenes, in that terminal too:

{_exports(settings)}
payviox order list {found.business_id}
payviox webhook log {found.business_id}
payviox ledger verify

Webhooks that arrive are verified and printed below. Stop with Ctrl-C.
"""
    )


def _exports(settings: Settings) -> str:
    """The line after which `payviox` is found and finds this installation."""
    beside = Path(sys.executable).parent
    folder = beside if (beside / "payviox").exists() else Path(sys.argv[0]).absolute().parent
    return (
        f"export PAYVIOX_HOME={shlex.quote(str(settings.home))}"
        f' PATH={shlex.quote(str(folder))}:"$PATH" PAYVIOX_ALLOW_PRIVATE_WEBHOOKS=1'
    )
