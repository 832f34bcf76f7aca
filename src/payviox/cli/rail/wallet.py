"""`payviox rail accept-nonces`: an operator's word that a wallet's transactions which our books do
not know are accounted for."""

from uuid import UUID

import click

from payviox.cli.output import BUSINESS, as_json, print_json
from payviox.cli.prompts import confirm
from payviox.cli.runtime import ACTOR, Runtime, run
from payviox.rail_accounts import nonces
from payviox.rail_accounts.nonces import Foreign


@click.command("accept-nonces")
@click.argument("business_id", type=BUSINESS)
@click.argument("chain")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
def accept_nonces(business_id: UUID, chain: str, yes: bool, as_json: bool) -> None:
    """Let payments on CHAIN go on behind transactions of the wallet that our books do not know.

    Payments wait (wallet_used_elsewhere) where the wallet was used by somebody else, or where the
    database was restored and some orders have been paid already: compare first, or they are paid
    twice. `payviox reconcile` lists what left the wallet.
    """

    async def work(runtime: Runtime) -> Foreign:
        foreign = await nonces.find_foreign(runtime.database, runtime.keyring, business_id, chain)
        confirm(
            f"The wallet has used {foreign.used} nonces on {chain}, our books know"
            f" {foreign.known or 0}. Are all orders paid by the others dealt with?",
            yes=yes,
        )
        await runtime.database.write(nonces.accept, foreign, ACTOR)
        return foreign

    foreign = run(work)
    address = foreign.wallet.address
    if as_json:
        print_json(
            {
                "chain": chain,
                "address": address,
                "known": foreign.known,
                "next_nonce": foreign.used,
            }
        )
    else:
        click.echo(f"{address} goes on with nonce {foreign.used} on {chain}.")
