"""The rails of this installation, for the web process, which quotes and validates, and the worker,
which sends. A concrete rail is imported here and nowhere else.
"""

from pathlib import Path

from payviox.bank.accounts import Accounts
from payviox.bank.euros import Euros
from payviox.bank.rail import BankRail
from payviox.bank.releasing.target import Networks
from payviox.db.pool import Database
from payviox.giftcards import rail as stock
from payviox.keyring import Keyring
from payviox.rail_accounts.directory import Directory
from payviox.rail_state.evm_books import EvmBooks
from payviox.rail_state.products import Products
from payviox.rail_state.sandbox_books import SandboxBooks
from payviox.rails.evm.rail import EvmRail
from payviox.rails.paypal.quote import MAX_ITEM
from payviox.rails.paypal.rail import PayPalRail
from payviox.rails.sandbox.quote import OPTIONS, SCHEMES
from payviox.rails.sandbox.rail import SandboxRail
from payviox.rails.tremendous.rail import TremendousRail
from payviox.withdrawals.routing import Rails, Route


def rails(
    database: Database,
    keyring: Keyring,
    bank_folder: Path | None = None,
    sftp_networks: Networks = (),
) -> Rails:
    """Live businesses have what is real: the stock, and what they connected. Test businesses have
    the same and, for what neither serves, the sandbox. A disabled account is still connected.
    `bank_folder` and `sftp_networks` are the installation's settings, for checks of accounts."""
    accounts = Directory(database, keyring)
    cards = stock.StockRail(database)
    sandbox = SandboxRail(SandboxBooks(database))
    bank = BankRail(database, accounts, Euros(database), folder=bank_folder, networks=sftp_networks)
    real = [
        Route("paypal", PayPalRail(accounts), connected=True, whole=True, most_net=MAX_ITEM),
        Route("crypto", EvmRail(accounts, EvmBooks(database)), connected=True),
        Route("gift_card", cards, stock.serves),
        Route("gift_card", TremendousRail(accounts, Products(database)), connected=True),
        Route("bank", bank, connected=True),
    ]
    return Rails(
        live=[*real, Route("gift_card", cards)],
        test=[
            *real,
            Route("paypal", sandbox),
            Route("crypto", sandbox, options=OPTIONS),
            Route("gift_card", sandbox),
            Route("bank", sandbox, options=SCHEMES),
        ],
        accounts=accounts,
        keepers={"bank": Accounts(database, keyring, accounts)},
    )
