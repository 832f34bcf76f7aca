"""What is generated of the clients is what `make clients` would write now."""

from pathlib import Path

import generate

ROOT = Path(__file__).parents[3]


def test_types_and_calls_are_those_of_this_openapi_document() -> None:
    stale = [
        str(path)
        for path, text in generate.generate(types=True).items()
        if (ROOT / "clients" / path).read_text(encoding="utf-8") != text
    ]
    assert not stale, "run `make clients`"
