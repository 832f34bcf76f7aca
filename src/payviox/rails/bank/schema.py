"""The published XML Schemas of ISO 20022, which the package `sepaxml` brings. Its own writer is not
used: it cuts names silently and checks neither accounts nor ids."""

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from payviox.rails.bank.model import Unwritable


def check(content: bytes, message: str) -> Any:
    """The document of ours as a tree, held against the schema of `message` (`pain.001.001.09`).
    Raises Unwritable with the first element that it does not allow, without its text, which may be
    an account's number."""
    from lxml import etree  # type: ignore[import-untyped]  # noqa: PLC0415  # slow to load; no types

    schema = _schema(message)
    document = etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))
    if not schema.validate(document):
        first = schema.error_log[0]
        element = re.search(r"Element '(?:{.*?})?(\w+)'", first.message)
        raise Unwritable(
            f"The schema {message} does not allow the file's {element[1] if element else 'content'}"
            f" ({first.type_name})"
        )
    return document


@cache
def _schema(message: str) -> Any:
    from lxml import etree  # noqa: PLC0415

    return etree.XMLSchema(etree.parse(str(_folder() / f"{message}.xsd")))


@cache
def _folder() -> Path:
    found = find_spec("sepaxml")
    if found is None or found.origin is None:
        raise RuntimeError("The package sepaxml, which has the schemas of ISO 20022, is missing")
    return Path(found.origin).parent / "schemas"
