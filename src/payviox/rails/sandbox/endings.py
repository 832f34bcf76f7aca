"""How the sandbox rail can be told to end a payment: one table, from which docs/sandbox.md's is
made. Whatever the table does not list succeeds. Amounts are US cents."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from payviox.rails.evm import addresses
from payviox.rails.failures import failed
from payviox.rails.orders import Provider
from payviox.rails.protocol import Outcome

SUCCEEDED = Outcome("succeeded")
TOLD_TO = failed("sandbox_failed")
LAST_DIGITS = 10_000


@dataclass(frozen=True, slots=True)
class Ending:
    """One way for a payment to end: `first` is the answer until it is `after_s` seconds old, `then`
    the answer from there on.

    `number` asks for it as the last four digits of an amount or of a bank account's number, or in a
    crypto address, `name` as a PayPal address's local part or in a gift card's id.
    """

    number: int
    name: str
    story: str
    first: Outcome
    then: Outcome
    after_s: float = 0.0
    kept: bool = True
    """Whether the sandbox's books know of the payment; False: it was surely never sent."""

    def answer(self, reference: str, age_s: float) -> Outcome:
        """What the sandbox says of a payment of this age. Where another attempt is to succeed, the
        first alone fails."""
        if self.first.retryable and not reference.endswith(".1"):
            return SUCCEEDED
        return self.then if age_s >= self.after_s else self.first

    @property
    def address(self) -> str:
        """The crypto address that asks for it, with its checksum."""
        return addresses.checksummed(f"0xdead{self.number:036d}")

    @property
    def iban(self) -> str:
        """An IBAN that asks for it."""
        account = f"37040044{self.number:010d}"
        return f"DE{98 - int(f'{account}131400') % 97:02d}{account}"

    @property
    def product_id(self) -> str:
        return f"sandbox_{self.name.replace('-', '_')}"


SUCCEED = Ending(0, "succeed", "Succeeds at once.", SUCCEEDED, SUCCEEDED)

_FAILED = Outcome("failed", reason=TOLD_TO)

ENDINGS: tuple[Ending, ...] = (
    Ending(6601, "fail", "Fails at once; the money goes back.", _FAILED, _FAILED),
    Ending(
        6602,
        "fail-after-accept",
        "Is accepted (`sent`) and fails after 1 s.",
        Outcome("accepted", again_s=1),
        _FAILED,
        after_s=1,
    ),
    Ending(
        6603,
        "slow",
        "Is accepted (`sent`) and succeeds after 5 s.",
        Outcome("accepted", again_s=1),
        SUCCEEDED,
        after_s=5,
    ),
    Ending(
        6604,
        "unknown-succeeded",
        "Times out (`unknown`); found to have succeeded after 2 s.",
        Outcome("unknown", again_s=1),
        SUCCEEDED,
        after_s=2,
    ),
    Ending(
        6605,
        "unknown-failed",
        "Times out (`unknown`); found to have failed after 2 s.",
        Outcome("unknown", again_s=1),
        _FAILED,
        after_s=2,
    ),
    Ending(
        6606,
        "returned",
        "Succeeds; after 2 s the money comes back (`returned`), the fee too.",
        Outcome("succeeded", again_s=2),
        Outcome("returned", reason=failed("sandbox_returned")),
        after_s=2,
    ),
    Ending(
        6607,
        "float-empty",
        "The sandbox's account is empty: the order waits in `queued` until it is canceled.",
        Outcome("not_sent", waiting="float_empty"),
        Outcome("not_sent", waiting="float_empty"),
        kept=False,
    ),
    Ending(
        6608,
        "retry",
        "The first attempt fails, the second succeeds.",
        Outcome("failed", reason=TOLD_TO, retryable=True, again_s=1),
        Outcome("failed", reason=TOLD_TO, retryable=True, again_s=1),
    ),
    Ending(
        6609,
        "failed-paid",
        "Fails; after 2 s it turns out to be paid: the order stays `failed`, the ledger books the"
        " payment from `suspense`, and an alert is raised.",
        Outcome("failed", reason=TOLD_TO, again_s=2),
        SUCCEEDED,
        after_s=2,
    ),
)

BY_NAME = {ending.name: ending for ending in (SUCCEED, *ENDINGS)}
_BY_NUMBER = {ending.number: ending for ending in ENDINGS}
_BY_ADDRESS = {f"0xdead{ending.number:036d}": ending for ending in ENDINGS}  # no checksum: slow
_BY_PRODUCT = {ending.product_id: ending for ending in ENDINGS}


@dataclass(frozen=True, slots=True)
class Product:
    """A gift card of the sandbox. `price` in cents is its face value too; `is_test` where it asks
    for an ending."""

    id: str
    name: str
    price: int
    is_test: bool = False

    @property
    def facts(self) -> dict[str, Any]:
        """What an order's destination and its webhooks say of the card."""
        return {"brand": "Sandbox", "country": "US", "currency": "USD", "face_value": self.price}


PRODUCTS: dict[str, Product] = {
    product.id: product
    for product in (
        *(
            Product(f"sandbox_card_{dollars}", f"Sandbox ${dollars}", dollars * 100)
            for dollars in (5, 10, 25, 50, 100)
        ),
        *(Product(e.product_id, f"Sandbox {e.name}", 1000, is_test=True) for e in ENDINGS),
    )
}


def ending_of(provider: Provider, amount: int, destination: Mapping[str, Any]) -> Ending:
    """The ending that an amount or a destination asks for; the destination goes first."""
    ending: Ending | None
    match provider:
        case "paypal":
            local_part = str(destination["email"]).partition("@")[0]
            ending = BY_NAME.get(local_part)
        case "crypto":
            ending = _BY_ADDRESS.get(str(destination["to_address"]).lower())
        case "gift_card":
            ending = _BY_PRODUCT.get(destination["product"])
        case "bank":
            last = str(destination["masked"])[-4:]
            ending = _BY_NUMBER.get(int(last)) if last.isdecimal() else None
    return ending or _BY_NUMBER.get(amount % LAST_DIGITS, SUCCEED)


def table() -> str:
    """The table of docs/sandbox.md, as Markdown."""
    lines = [
        "| amount ends in | PayPal address | crypto address | gift card | IBAN | what happens |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| `{e.number}` | `{e.name}@…` | `{e.address}` | `{e.product_id}` | `{e.iban}` |"
        f" {e.story} |"
        for e in ENDINGS
    ]
    return "\n".join(lines) + "\n"
