"""What a seal says, as the text that is signed, stored and exported; and files of seals. The format
is told in docs/seals.md; docs/examples/check_seals.py reads it without any of this."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from payviox import ids
from payviox.keyring import ServerKey

FORMAT = "payviox seal 1"
FIRST = "0" * 64
"""What the first seal of a business names as the digest of the one before it."""


class NotASeal(ValueError):
    """A text that no seal has."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one stream had after the id `after` up to `until`: how many rows, and their SHA-256 in
    hex."""

    after: int
    until: int
    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal as it was signed. `before` is the digest of the one before it, `parts` are by
    stream."""

    business_id: UUID
    number: int
    before: str
    sealed_at: datetime
    key_id: str
    public_key: str
    parts: dict[str, Part]
    body: str
    signature: bytes

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.body.encode()).hexdigest()

    def until(self, stream: str) -> int:
        """The id up to which the seal covers a stream, 0 where it does not know it."""
        return self.parts[stream].until if stream in self.parts else 0

    @property
    def is_signed(self) -> bool:
        """Whether the signature is that of the key that the seal names."""
        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.public_key))
            key.verify(self.signature, self.body.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


def sign(
    key: ServerKey,
    business_id: UUID,
    number: int,
    before: str,
    sealed_at: datetime,
    parts: dict[str, Part],
) -> Seal:
    """Make the seal that follows the one whose digest is `before`."""
    lines = [
        FORMAT,
        f"business {ids.show(ids.BUSINESS, business_id)}",
        f"number {number}",
        f"before {before}",
        f"sealed_at {sealed_at.astimezone(UTC).isoformat(timespec='microseconds')}",
        f"key {key.id} {key.seal_public_key.hex()}",
        *(f"{name} {p.after} {p.until} {p.rows} {p.digest}" for name, p in parts.items()),
    ]
    body = "".join(f"{line}\n" for line in lines)
    return read(body, key.seal_key.sign(body.encode()))


def read(body: str, signature: bytes) -> Seal:
    """Read a seal's text. Raises NotASeal."""
    try:
        first, business, number, before, sealed_at, key, *parts = body.removesuffix("\n").split(
            "\n"
        )
        business_id = ids.parse(ids.BUSINESS, _after("business", business))
        key_id, public_key = _after("key", key).split(" ")
        if first != FORMAT or business_id is None:
            raise NotASeal(first)  # named once, below
        return Seal(
            business_id,
            int(_after("number", number)),
            _after("before", before),
            datetime.fromisoformat(_after("sealed_at", sealed_at)),
            key_id,
            public_key,
            dict(_part(line) for line in parts),
            body,
            signature,
        )
    except ValueError as error:
        raise NotASeal("the text is no seal's") from error


def _after(word: str, line: str) -> str:
    if not line.startswith(f"{word} "):
        raise NotASeal(line)
    return line.removeprefix(f"{word} ")


def _part(line: str) -> tuple[str, Part]:
    name, after, until, rows, digest = line.split(" ")
    return name, Part(int(after), int(until), int(rows), digest)


def written(seal: Seal) -> str:
    """A seal as files have it: its text, its signature, and an empty line."""
    return f"{seal.body}signature {seal.signature.hex()}\n\n"


def read_file(text: str) -> list[Seal]:
    """The seals of a file. Raises NotASeal, naming the seal by its place in the file."""
    seals = []
    for place, block in enumerate(text.replace("\r\n", "\n").strip("\n").split("\n\n"), start=1):
        body, separator, signature = block.rpartition("\nsignature ")
        try:
            if not separator:
                raise NotASeal("there is no signature")  # named once, below
            seals.append(read(f"{body}\n", bytes.fromhex(signature)))
        except ValueError as error:
            raise NotASeal(f"seal {place} of the file cannot be read: {error}") from error
    return seals
