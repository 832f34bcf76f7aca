"""Who an email address is. Syntax only, no DNS; one address has one canonical spelling: local part
lower-cased in ASCII, domain in its lower-case IDNA form. Dots and plus tags stay."""

import functools
import re
import unicodedata

import email_validator
import idna
from email_validator import EmailSyntaxError
from email_validator import syntax as grammar

MAX_LENGTH = 255
MAX_DOMAIN, MAX_LABEL = 253, 63
KEPT_DOMAINS = 4_096
"""Domains whose form is remembered: text of a megabyte or two."""
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()  # reserved names such as `.test` are fine here
ASCII_SPACE = " \t\n\r\v\f"

REQUIRED = "The email field is required."
NOT_TEXT = "The email must be a string."
INVALID = "The email must be a valid email address."
TOO_LONG = "The email may not be greater than 255 characters."

# The common case, decided without the grammar's 38 µs; tests/unit hold it equal to the grammar.
_COMMON = re.compile(
    r"(?=.{3,255}\Z)[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*(?<!.{65})"
    r"@(?:(?!..--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,18}",
    re.ASCII,
)
# What an address too long for the grammar must look like to be told so, and not that it is invalid.
_SHAPE = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[^\s@.]+(?:\.[^\s@.]+)+",
)


class InvalidEmail(ValueError):
    """The message is one of the contract's; `why` says more to those whose words are ours."""

    def __init__(self, message: str, why: str | None = None) -> None:
        super().__init__(message)
        self.why = why

    @property
    def in_full(self) -> str:
        """The message with its reason, for commands and pages."""
        return str(self) if self.why is None else f"{str(self).removesuffix('.')}: {self.why}."


def canonical(value: object) -> str:
    """The canonical spelling of an address as it came in. Raises InvalidEmail."""
    if value is None:
        raise InvalidEmail(REQUIRED)
    if not isinstance(value, str):
        raise InvalidEmail(NOT_TEXT)
    text = value.strip(ASCII_SPACE)
    if not text:
        raise InvalidEmail(REQUIRED)
    if text.isascii():
        lowered = text.lower()
        if _COMMON.fullmatch(lowered):
            return lowered
    return _by_grammar(text)


def _by_grammar(text: str) -> str:
    local, at, domain = text.rpartition("@")
    if len(text) > MAX_LENGTH:
        raise InvalidEmail(TOO_LONG if _SHAPE.fullmatch(text) else INVALID)
    if not at or _too_long(domain):
        raise InvalidEmail(INVALID)
    if not local.isascii():
        raise InvalidEmail(INVALID, "the characters before the @ must be ASCII")
    try:
        checked = grammar.validate_email_local_part(local, allow_smtputf8=False, strict=True)
    except (EmailSyntaxError, UnicodeError) as error:
        raise InvalidEmail(INVALID) from error
    name = _domain(domain)
    if name is None:
        raise InvalidEmail(INVALID)
    result = f"{checked['local_part'].lower()}@{name}"
    if len(result) > MAX_LENGTH:
        raise InvalidEmail(TOO_LONG)
    return result


@functools.lru_cache(maxsize=KEPT_DOMAINS)
def _domain(domain: str) -> str | None:
    """A domain in its lower-case IDNA form, None where it is none. A long one that is not ASCII
    takes milliseconds, and the same ones come again."""
    if _looks_like_ascii(domain):
        return None
    try:
        return grammar.validate_email_domain_name(domain)["ascii_domain"].lower()
    except (EmailSyntaxError, UnicodeError):
        return None


def _too_long(domain: str) -> bool:
    """Whether DNS surely has no room for it, seen before anything slow. Composed first, since IDNA
    does that too; then a label takes a character for each of its own, and `xn--` if not ASCII."""
    labels = unicodedata.normalize("NFKC", domain).split(".")
    sizes = [len(label) + (0 if label.isascii() else 4) for label in labels]
    return max(sizes) > MAX_LABEL or sum(sizes) + len(sizes) - 1 > MAX_DOMAIN


def _looks_like_ascii(domain: str) -> bool:
    """Whether a non-ASCII character would be mapped into ASCII or dropped: a Kelvin sign, a
    full-width letter, an ideographic full stop, a soft hyphen. Such a domain is refused rather than
    merged with the plain one."""
    try:
        return any(_is_ascii_in_idna(character) for character in domain if not character.isascii())
    except idna.IDNAError:
        return True


def _is_ascii_in_idna(character: str) -> bool:
    mapped = idna.uts46_remap(character, std3_rules=False)
    return not mapped or any(part.isascii() for part in mapped)
