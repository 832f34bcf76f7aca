"""Text as banks' files may hold it. Names in any script become letters that a bank prints; nothing
is ever cut or left out: what does not fit is refused with the reason."""

import unicodedata
from functools import lru_cache
from string import ascii_letters, digits, printable

from payviox.rails.bank.model import MOST_CHARACTERS_OF_NAME, Scheme

SEPA = frozenset(ascii_letters + digits + "/-?:().,'+ ")
"""The characters that every bank of the SEPA schemes takes (EPC217-08, "basic Latin set")."""

ACH = frozenset(printable[:95])
"""Blank to tilde: the alphanumeric characters of Nacha's rules."""

ALLOWED = {"sepa": SEPA, "ach": ACH}

REPLACED = str.maketrans(
    {"&": "+", ";": ",", "[": "(", "]": ")", "{": "(", "}": ")", "\\": "/", "|": "/", "_": "-"}
    | {"~": "-", "`": "'", '"': "'"}
    | dict.fromkeys("!#$%*<=>@^", ".")
)
"""What stands for the rest of ASCII in a SEPA file, as the EPC's conversion table has it."""

_SILENT = frozenset({"Mn", "Me", "Cf", "Lm"})
"""Marks that change a letter, joiners and modifiers: those of no Latin letter of their own."""


class NotWritable(ValueError):
    """The text does not fit; the message goes on after its name, such as "may not be empty"."""


def written(text: str, scheme: Scheme, most: int) -> str:
    """The text in the scheme's characters, blanks collapsed; capitals alone for ACH. Raises
    NotWritable for what has no letters, is longer than `most`, or has a character that cannot be
    written."""
    allowed = ALLOWED[scheme]
    parts = []
    for character in unicodedata.normalize("NFC", text):
        if character in allowed:
            parts.append(character)
        elif character.isspace():
            parts.append(" ")
        else:
            parts.append(_latin(character, scheme))
    result = " ".join("".join(parts).split())
    if scheme == "ach":
        result = result.upper()
    if not any(character.isalnum() for character in result):
        raise NotWritable("must have a letter or a digit")
    if len(result) > most:
        raise NotWritable(
            f"may have {most} characters in a bank's file and has {len(result)} there: {result}"
        )
    return result


def written_name(name: str, scheme: Scheme) -> str:
    """A payee's or payer's name as the file has it. Raises NotWritable."""
    return written(name, scheme, MOST_CHARACTERS_OF_NAME[scheme])


def name_problem(name: str, scheme: Scheme) -> str | None:
    """Why a name cannot be written into a file of the scheme, or None."""
    try:
        written_name(name, scheme)
    except NotWritable as error:
        return str(error)
    return None


@lru_cache(maxsize=4096)
def _latin(character: str, scheme: Scheme) -> str:
    """What stands for one character. Raises NotWritable."""
    from anyascii import anyascii  # noqa: PLC0415  # reads its tables; few processes write a name

    if unicodedata.category(character) in {"Cc", "Cs", "Co", "Cn"}:
        raise NotWritable(f"may not have the character U+{ord(character):04X}")
    latin = anyascii(character)
    if len(latin) > 2 and latin[0] == latin[-1] == ":":
        latin = ""  # the name of a picture, which is nobody's
    if scheme == "sepa":
        latin = latin.translate(REPLACED)
    latin = "".join(each for each in latin if each in ALLOWED[scheme])
    if not latin and unicodedata.category(character) not in _SILENT:
        raise NotWritable(f"may not have the character {character}, which no bank prints")
    return latin
