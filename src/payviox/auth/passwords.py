"""Operators' passwords: argon2id, with the library's parameters (RFC 9106, low memory), and none
that others guess first (zxcvbn and its lists)."""

import functools
import re
import secrets

import argon2

from payviox.errors import FieldErrors

MIN_LENGTH = 12
MAX_LENGTH = 1_000
LEAST_SCORE = 3
"""Of zxcvbn's 0 to 4: at least 10^8 guesses by somebody who knows how people choose."""
MOST_SCORED = 72
"""Characters that zxcvbn looks at."""
PRODUCT = "payviox"
SHORTEST_NAME = 4
"""A part of an address that is shorter may be in any password."""

_hasher = argon2.PasswordHasher()


def hash_password(password: str, email: str) -> str:
    """What is stored in place of this person's password. Raises FieldErrors where it is too short,
    names them or us, or is easy to guess."""
    problem = _flaw(password, email)
    if problem is not None:
        raise FieldErrors({"password": [problem]})
    return _hasher.hash(password)


def _flaw(password: str, email: str) -> str | None:
    if len(password) < MIN_LENGTH:
        return f"The password must be at least {MIN_LENGTH} characters."
    if len(password) > MAX_LENGTH:
        return f"The password may not be greater than {MAX_LENGTH} characters."
    names = [PRODUCT, *(part for part in re.split(r"[@.]", email) if len(part) >= SHORTEST_NAME)]
    if any(name.lower() in password.lower() for name in names):
        return "The password may contain neither your email address nor the name Payviox."
    from zxcvbn import zxcvbn  # type: ignore[import-untyped]  # noqa: PLC0415  # 0.1 s, rarely needed

    if zxcvbn(password[:MOST_SCORED], names)["score"] < LEAST_SCORE:
        return "This password is common or easy to guess. Several unrelated words make a good one."
    return None


def verify(stored: str, password: str) -> bool:
    """Whether this is the password."""
    try:
        return _hasher.verify(stored, password)
    except argon2.exceptions.VerificationError:
        return False


@functools.cache
def nobodys() -> str:
    """What a guess at nobody's password is compared with: it takes as long as at somebody's."""
    return _hasher.hash(secrets.token_hex(16))
