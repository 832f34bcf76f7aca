"""Files of payments by the format that a bank asks for."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal

from msgspec import Struct

from payviox.rails.bank import instructions as rules
from payviox.rails.bank import nacha, pain001
from payviox.rails.bank.model import Instruction, Payer, Scheme, Totals

Format = Literal["pain.001.001.09", "pain.001.001.03", "nacha"]

FORMATS: dict[Scheme, tuple[Format, ...]] = {
    "sepa": ("pain.001.001.09", "pain.001.001.03"),
    "ach": ("nacha",),
}
"""What each scheme is written in, the usual one first."""

EXTENSION: dict[Format, str] = {
    "pain.001.001.09": "xml",
    "pain.001.001.03": "xml",
    "nacha": "ach",
}


class Written(Struct, frozen=True):
    """A file that satisfies its rules, and what it comes to."""

    content: bytes
    totals: Totals

    def __repr__(self) -> str:
        return f"Written({self.totals.count} payments, {len(self.content)} bytes)"


def write(
    form: Format,
    payer: Payer,
    message_id: str,
    execution_date: date,
    created_at: datetime,
    instructions: Sequence[Instruction],
    *,
    modifier: str = "A",
) -> Written:
    """The file. `modifier` tells ACH files of one minute apart. Raises Unwritable."""
    if form == "nacha":
        content = nacha.write(
            payer, message_id, execution_date, created_at, instructions, modifier=modifier
        )
    else:
        content = pain001.write(
            payer, message_id, execution_date, created_at, instructions, version=form
        )
    return Written(content, rules.totals(instructions))
