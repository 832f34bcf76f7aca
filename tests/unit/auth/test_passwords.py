"""What is stored in place of an operator's password."""

import argon2


def test_a_password_is_hashed_as_rfc_9106_recommends_where_memory_is_short(
    real_hasher: argon2.PasswordHasher,
) -> None:
    stored = real_hasher.hash("correct horse battery")
    assert argon2.extract_parameters(stored) == argon2.profiles.RFC_9106_LOW_MEMORY
    assert stored.startswith("$argon2id$")
