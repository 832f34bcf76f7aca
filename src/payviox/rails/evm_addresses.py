"""EVM addresses: their shape and the EIP-55 checksum. Nothing of chains or tokens."""

import re

from Crypto.Hash import keccak

SHAPE = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)


def checksummed(address: str) -> str:
    """The address in EIP-55 spelling. `address` has the shape of one."""
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
    mixed = digits not in (digits.lower(), digits.upper())
    if mixed and checksummed(address) != address:
        return "has a wrong checksum"
    return None
