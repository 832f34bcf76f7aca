"""What an installation depends on may be used with it, whoever runs it: the licence of every locked
package is one that was looked at."""

import re
from importlib import metadata
from pathlib import Path

import pytest

LOCK = Path(__file__).parents[2] / "requirements.lock"
NAMES = re.findall(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==", LOCK.read_text(), re.MULTILINE)

FREE = re.compile(
    r"\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|Unlicense|0BSD|Zlib|HPND)\b"
)
FILE_BY_FILE = re.compile(r"\b(MPL|Mozilla Public License)\b")
"""Changes of their own files are published; nobody changes them here."""
LINKED = {"psycopg", "psycopg-binary", "psycopg-pool", "python-stdnum"}
"""LGPL: used as libraries that anybody may exchange, as it asks."""
CHOSEN = {"asyncssh": "EPL-2.0", "text-unidecode": "Artistic License"}
"""Under one of several licences, of which this one is taken: it lets anybody use it unchanged."""


def licence_of(name: str) -> str:
    about = metadata.metadata(name)
    classified = [
        text for text in about.get_all("Classifier") or [] if text.startswith("License ::")
    ]
    said = [about.get("License-Expression") or "", *classified, (about.get("License") or "")[:200]]
    return " ".join(text for text in said if text)


@pytest.mark.parametrize("name", NAMES)
def test_its_licence_lets_anybody_use_it(name: str) -> None:
    try:
        licence = licence_of(name)
    except metadata.PackageNotFoundError:
        pytest.skip("not for this platform or this Python")
    if name in LINKED:
        assert "LGPL" in licence
        return
    if name in CHOSEN:
        assert CHOSEN[name] in licence
        return
    assert FREE.search(licence) or FILE_BY_FILE.search(licence), licence
    assert not re.search(r"(?<!L)\b(A?GPL)", licence), licence
