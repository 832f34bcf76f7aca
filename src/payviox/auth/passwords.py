"""Operators' passwords: argon2id, with the library's parameters (RFC 9106, low memory)."""

import functools
import secrets

import argon2

from payviox.errors import FieldErrors

MIN_LENGTH = 12
MAX_LENGTH = 1_000

_hasher = argon2.PasswordHasher()


def hash_password(password: str) -> str:
    """What is stored in place of the password. Raises FieldErrors where it is too short."""
    if len(password) < MIN_LENGTH:
        raise FieldErrors({"password": [f"The password must be at least {MIN_LENGTH} characters."]})
    if len(password) > MAX_LENGTH:
        message = f"The password may not be greater than {MAX_LENGTH} characters."
        raise FieldErrors({"password": [message]})
    return _hasher.hash(password)


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
