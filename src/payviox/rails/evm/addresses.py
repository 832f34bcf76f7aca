"""EVM addresses: their shape, the EIP-55 checksum, and which of them nobody should be paid at."""

import re
from collections.abc import Iterable
from functools import lru_cache

SHAPE = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)

RESERVED = 0x10000
"""Addresses below it are precompiled and system contracts of one chain or another; nobody has the
key of one."""


@lru_cache(maxsize=1_000)
def checksummed(address: str) -> str:
    """The address in EIP-55 spelling. `address` has the shape of one. The same few are asked for
    with every payment."""
    from Crypto.Hash import keccak  # noqa: PLC0415  # slow to load, and few commands check one

    digits = address[2:].lower()
    digest = keccak.new(digest_bits=256, data=digits.encode()).hexdigest()
    return "0x" + "".join(
        digit.upper() if int(nibble, 16) >= 8 else digit
        for digit, nibble in zip(digits, digest, strict=False)
    )


def problem(address: str) -> str | None:
    """Why nobody should be paid at this address, or None. One in a single case carries no checksum;
    in mixed case it must be right (EIP-55)."""
    if not SHAPE.fullmatch(address):
        return "must be an address of 0x and 40 hexadecimal digits"
    digits = address[2:]
    if int(digits, 16) == 0:
        return "may not be the zero address"
    if int(digits, 16) < RESERVED:
        return "may not be the address of a chain's built-in contract"
    mixed = digits not in (digits.lower(), digits.upper())
    if mixed and checksummed(address) != address:
        return "has a wrong checksum"
    return None


def payee_problem(address: str, *, wallets: Iterable[str], contracts: Iterable[str]) -> str | None:
    """As `problem`, for a business's payee: not one of its own `wallets`, which would pay itself,
    and not one of its tokens' `contracts`, where the money is lost."""
    shape_problem = problem(address)
    if shape_problem is not None:
        return shape_problem
    lowered = address.lower()
    if lowered in {wallet.lower() for wallet in wallets}:
        return "may not be the paying wallet itself"
    if lowered in {contract.lower() for contract in contracts}:
        return "may not be a token's contract"
    return None
