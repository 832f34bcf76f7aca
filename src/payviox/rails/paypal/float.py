"""The balance of an account at PayPal, in US cents."""

from payviox.money import decimal
from payviox.rails.paypal import refusals
from payviox.rails.paypal.client import BROKEN, Client, told
from payviox.rails.paypal.payments import as_object, cents
from payviox.rails.protocol import Account, Holding, RailError

NO_BALANCE = (
    "The app may not read balances: switch on Transaction Search among its features at"
    " developer.paypal.com, and give it up to nine hours or connect again. Payouts work without."
)


async def read(client: Client, account: Account) -> list[Holding]:
    """The US dollars that can be paid out. Raises RailError."""
    try:
        answer = await client.balances(account)
    except BROKEN as error:
        raise told(error) from error
    if answer.status == 403:
        raise RailError(NO_BALANCE)
    if answer.status != 200:
        raise RailError(f"PayPal answered {refusals.name_of(answer)} when asked for the balance.")
    listed = answer.json().get("balances")
    for balance in listed if isinstance(listed, list) else []:
        available = as_object(balance).get("available_balance")
        balance_cents = cents(available, "currency_code")
        if balance_cents is not None:
            return [_holding(balance_cents, account)]
    if not isinstance(listed, list):
        raise RailError("PayPal's answer has no balances.")
    return [_holding(0, account)]


def _holding(balance_cents: int, account: Account) -> Holding:
    amount = decimal(balance_cents)
    low = account.low_float is not None and balance_cents < account.low_float
    return Holding("USD", amount, balance_cents, low)
