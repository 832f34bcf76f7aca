"""An operator's word that a wallet's transactions which our books do not know are accounted for."""

from uuid import UUID

import msgspec

from payviox.actors import Actor
from payviox.db.pool import Connection, Database
from payviox.errors import Conflict, NotFound
from payviox.keyring import Keyring
from payviox.rail_accounts import service
from payviox.rail_accounts.directory import opened
from payviox.rail_state import evm_books
from payviox.rails.evm.books import Wallet
from payviox.rails.evm.chain_settings import chains_of
from payviox.rails.evm.chains import ChainError
from payviox.rails.evm.client import Node, NodeError
from payviox.rails.evm.keys import SignerError, wallet_of
from payviox.rails.protocol import Account


class Foreign(msgspec.Struct, frozen=True):
    """Transactions of a wallet that our books do not know: its chain has used `used` nonces, they
    know `known` (None: of no payment yet)."""

    chain: str
    wallet: Wallet
    known: int | None
    used: int


async def find_foreign(
    database: Database, keyring: Keyring, business_id: UUID, chain: str
) -> Foreign:
    """Compare the wallet with its chain. Raises NotFound, and Conflict where our books know
    everything or no node answers."""
    stored = await database.fetch(service.get, business_id, "evm")
    wallet, node = _at(opened(stored, keyring), chain)
    try:
        used = (await node.seen(wallet.address, None)).used
    except NodeError as error:
        raise Conflict(f"{error}.") from error
    finally:
        await node.close()
    known = await evm_books.EvmBooks(database).next_nonce(wallet)
    if known is not None and known >= used:
        raise Conflict(f"Our books know everything that {wallet.address} sent on {chain}.")
    return Foreign(chain, wallet, known, used)


async def accept(connection: Connection, foreign: Foreign, actor: Actor) -> None:
    """Let payments go on behind these transactions, at once."""
    await evm_books.accept_nonces(connection, foreign.wallet, foreign.used, actor)
    await service.try_waiting(connection, foreign.wallet.business_id)


def _at(account: Account, name: str) -> tuple[Wallet, Node]:
    """Raises NotFound and Conflict."""
    try:
        chains = chains_of(account)
        address = wallet_of(account)
    except (ChainError, SignerError) as error:
        raise Conflict(str(error)) from error
    if name not in chains:
        named = ", ".join(chains) or "none"
        raise NotFound(f"The wallet pays on no chain {name}; its chains: {named}.")
    return Wallet(account.business_id, chains[name].chain_id, address), Node(chains[name])
