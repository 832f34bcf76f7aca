"""`payviox rail accept-nonces`: an operator's word that a wallet's transactions which our books do
not know are accounted for."""

from typing import Any
from uuid import UUID

import click

from payviox.cli.output import BUSINESS, as_json, print_json
from payviox.cli.prompts import confirm
from payviox.cli.rail.accounts import accounts_of, wake_waiting
from payviox.cli.runtime import ACTOR, Runtime, run
from payviox.db.pool import Connection
from payviox.errors import Conflict, NotFound
from payviox.rail_accounts.directory import opened
from payviox.rail_state import evm_books
from payviox.rails.evm.books import Wallet
from payviox.rails.evm.chain_settings import chains_of
from payviox.rails.evm.chains import Chain, ChainError
from payviox.rails.evm.keys import SignerError, wallet_of
from payviox.rails.evm.node import Node, NodeError
from payviox.rails.protocol import Account


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

    async def work(runtime: Runtime) -> dict[str, Any]:
        [stored] = await accounts_of(runtime, business_id, "evm")
        wallet, node = _at(opened(stored, runtime.keyring), chain)
        books = evm_books.EvmBooks(runtime.database)
        try:
            used = (await node.seen(wallet.address, None)).used
        except NodeError as error:
            raise Conflict(f"{error}.") from error
        finally:
            await node.close()
        known = await books.next_nonce(wallet)
        if known is not None and known >= used:
            raise Conflict(f"Our books know everything that {wallet.address} sent on {chain}.")
        confirm(
            f"The wallet has used {used} nonces on {chain}, our books know {known or 0}."
            " Are all orders paid by the others dealt with?",
            yes=yes,
        )

        async def write(connection: Connection) -> None:
            await evm_books.accept_nonces(connection, wallet, used, ACTOR)
            await wake_waiting(connection, business_id)

        await runtime.database.write(write)
        return {"chain": chain, "address": wallet.address, "known": known, "next_nonce": used}

    now = run(work)
    if as_json:
        print_json(now)
    else:
        click.echo(f"{now['address']} goes on with nonce {now['next_nonce']} on {chain}.")


def _at(account: Account, name: str) -> tuple[Wallet, Node]:
    """Raises NotFound and Conflict."""
    try:
        chains: dict[str, Chain] = chains_of(account)
        address = wallet_of(account)
    except (ChainError, SignerError) as error:
        raise Conflict(str(error)) from error
    if name not in chains:
        named = ", ".join(chains) or "none"
        raise NotFound(f"The wallet pays on no chain {name}; its chains: {named}.")
    return Wallet(account.business_id, chains[name].chain_id, address), Node(chains[name])
