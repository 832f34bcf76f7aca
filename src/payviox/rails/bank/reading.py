"""Whatever file a bank gives back, by what it holds: an answer to a file, a statement, a
notification, or ACH returns."""

import hashlib

from payviox.rails.bank import camt, nacha_returns, pain002, xml
from payviox.rails.bank.model import Report, Unreadable

PACKED = {b"PK\x03\x04": "a ZIP archive", b"\x1f\x8b": "packed with gzip", b"%PDF": "a PDF"}


def read(content: bytes) -> list[Report]:
    """What the file says, message by message. Raises Unreadable with the reason, and then nothing
    of it counts."""
    digest = hashlib.sha256(content).hexdigest()
    for beginning, name in PACKED.items():
        if content.startswith(beginning):
            raise Unreadable(f"The file is {name}: unpack it, or ask the bank for XML or NACHA")
    if content[:94].lstrip()[:3] == b"101":
        return nacha_returns.read(content, digest)
    if b"<" not in content[:1_000]:
        raise Unreadable("The file is neither XML of ISO 20022 nor NACHA")
    kind = xml.kind_of(content)
    if kind == "pain.002":
        return pain002.read(content, digest)
    if kind.startswith("camt.05"):
        return camt.read(content, digest)
    raise Unreadable(f"The file is a {kind}, which is not read here")
