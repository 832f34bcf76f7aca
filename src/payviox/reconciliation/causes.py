"""What each cause of a suspense item means and what a person does about it, in words."""

from dataclasses import dataclass

from payviox.ledger.suspense import Cause, Resolution


@dataclass(frozen=True, slots=True)
class Words:
    """For a person who reads an item."""

    meaning: str
    advice: str


CAUSES: dict[Cause, Words] = {
    "paid_after_all": Words(
        "The rail called the payment failed, the money went back to the payout user, and then the"
        " rail paid it after all.",
        "The payee has been paid twice: once by the rail, once in their balance. Charge the payout"
        " user if the balance is still there, else absorb it.",
    ),
    "paid_not_booked": Words(
        "The rail says that it paid an order which our books hold as not paid.",
        "Look at the order and at the rail's own page of the payment. If it is right, absorb it or"
        " charge the payout user, to whom the money went back.",
    ),
    "not_paid": Words(
        "Our books say that the order was paid; the rail says that it was not, or never heard of"
        " it.",
        "Ask the rail with the attempt's reference. If nobody was paid, give the money to the"
        " payout user (charged, which credits them) or keep it (absorbed).",
    ),
    "amount_differs": Words(
        "The rail paid another amount than was booked.",
        "Compare the order's net amount with the rail's page of the payment.",
    ),
    "cost_differs": Words(
        "The rail charged another fee than was booked.",
        "Usually the rail's fee became known later, or changed: absorb it.",
    ),
    "paid_twice": Words(
        "More than one attempt of the order was paid.",
        "Ask the rail to take one payment back; absorb the rest, or charge the payout user.",
    ),
    "unknown_payment": Words(
        "The rail made a payment that no order here ordered.",
        "Find out who made it. If the account at the rail is used for other things too, it is"
        " explained; if it was for this business, absorb it. If nobody knows, change the"
        " credentials.",
    ),
    "returned_not_booked": Words(
        "The rail says that the payment came back, and looking it up did not book that.",
        "Ask the rail. If the money is back, give it to the payout user (charged, which credits"
        " them).",
    ),
    "stuck": Words(
        "The order has been under way for days, and nothing says what it waits for.",
        "Look at the order, at the worker and at the rail's status page; look the order up to have"
        " the rail asked again. No money is booked for this item.",
    ),
    "unclear": Words(
        "The rail said of a payment, or of a file of payments, what does not fit to our books, such"
        " as a rejection of what it had paid. Nothing was changed by it.",
        "Ask the bank, by the payment's or the file's id, what is so; what it then reports is"
        " booked by itself. No money is booked for this item.",
    ),
}

RESOLUTIONS: dict[Resolution, str] = {
    "explained": "it was none of our money, or did not happen: the item's booking is taken back",
    "absorbed": "the business's main balance bears it, or gets it",
    "charged": "the payout user's balance bears it, or gets it",
    "written_off": "nobody's balance bears it: it went, or came from, outside of these books",
}
