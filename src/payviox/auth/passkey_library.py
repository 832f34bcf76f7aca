"""What browsers and passkeys are told and answer, by Duo's library. Imported where somebody uses a
passkey: it takes a tenth of a second, which web processes need not take at each start."""

from collections.abc import Sequence
from uuid import UUID

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    RegistrationCredential,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

__all__ = [
    "parse_authentication_credential_json",
    "parse_registration_credential_json",
    "verify_authentication_response",
    "verify_registration_response",
]

REFUSED: tuple[type[Exception], ...] = (
    WebAuthnException,
    ValueError,
    KeyError,
    TypeError,
    RecursionError,
)
"""It is not such an answer as browsers give, or not the one that was asked for."""


def ask(site_name: str, credentials: Sequence[bytes]) -> tuple[bytes, str]:
    """A challenge, and what the browser hands to one of these passkeys, or to any, as JSON."""
    options = generate_authentication_options(
        rp_id=site_name,
        allow_credentials=[PublicKeyCredentialDescriptor(id=each) for each in credentials],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options.challenge, options_to_json(options)


def ask_to_add(
    site_name: str, our_name: str, user: UUID, email: str, credentials: Sequence[bytes]
) -> tuple[bytes, str]:
    """The same for a device that shall hold a new one, and has none of these."""
    options = generate_registration_options(
        rp_id=site_name,
        rp_name=our_name,
        user_id=user.bytes,
        user_name=email,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=each) for each in credentials],
    )
    return options.challenge, options_to_json(options)


def challenge_of(credential: AuthenticationCredential | RegistrationCredential) -> bytes:
    """The challenge that was answered."""
    return parse_client_data_json(credential.response.client_data_json).challenge
