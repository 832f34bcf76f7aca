"""What is generated of the clients is what `make clients` would write now."""

from pathlib import Path

import generate
import pytest

ROOT = Path(__file__).parents[3]


def stale(*, types: bool) -> list[str]:
    return [
        str(path)
        for path, text in generate.generate(types=types).items()
        if (ROOT / "clients" / path).read_text(encoding="utf-8") != text
    ]


def test_calls_are_those_of_this_openapi_document() -> None:
    assert not stale(types=False), "run `make clients`"


@pytest.mark.skipif(
    not generate.DATAMODEL_CODEGEN.exists(), reason="needs datamodel-codegen: run `make test`"
)
def test_types_are_those_of_this_openapi_document() -> None:
    assert not stale(types=True), "run `make clients`"
