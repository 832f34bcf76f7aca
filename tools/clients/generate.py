"""`make clients`: types and calls of the Python and the TypeScript client, from this checkout's
OpenAPI document. Types are made by datamodel-code-generator and openapi-typescript, calls by the
templates beside this."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import jinja2
import python
import typescript
from calls import Call, calls_of, client_document

from payviox import app

ROOT = Path(__file__).parents[2]
PYTHON = Path("python/src/payviox_client")
TYPESCRIPT = Path("typescript/src")
OPENAPI_TYPESCRIPT = ROOT / "clients/typescript/node_modules/.bin/openapi-typescript"
DATAMODEL_CODEGEN = Path(sys.executable).with_name("datamodel-codegen")
CALLERS = {"business": "Business", "payout_user": "PayoutUser"}
MEANINGS = {
    "business": "a business, which is known by its secret key",
    "payout_user": "a payout user, who is known by a payout hash",
}


def main() -> None:
    """Write everything anew."""
    for path, text in generate(types=True).items():
        (ROOT / "clients" / path).write_text(text, encoding="utf-8")


def generate(*, types: bool) -> dict[Path, str]:
    """The text of each file by its path below `clients`; without `types`, of the calls alone."""
    document = client_document(app.described(""))
    calls = calls_of(document)
    files = {
        PYTHON / "_calls.py": _formatted(_rendered("python.jinja", calls, waits=False)),
        PYTHON / "_async_calls.py": _formatted(_rendered("python.jinja", calls, waits=True)),
        TYPESCRIPT / "calls.ts": _rendered("typescript.jinja", calls),
    }
    if types:
        files[PYTHON / "models.py"] = _python_types(document)
        files[TYPESCRIPT / "models.ts"] = _typescript_types(document)
    return files


def _python_types(document: dict[str, Any]) -> str:
    """The schemas as TypedDicts: an answer is the dict that it came as, so a field or a state that
    a later server adds breaks nobody."""
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder, "openapi.json"), Path(folder, "models.py")
        given.write_text(json.dumps(document), encoding="utf-8")
        subprocess.run(  # noqa: S603  # a tool of this environment
            [
                DATAMODEL_CODEGEN,
                f"--input={given}",
                f"--output={made}",
                "--input-file-type=openapi",
                "--openapi-scopes=schemas",
                "--output-model-type=typing.TypedDict",
                "--target-python-version=3.10",
                "--enum-field-as-literal=all",
                "--type-mappings=string+decimal=string",
                "--use-schema-description",
                "--use-field-description",
                "--use-standard-collections",
                "--use-union-operator",
                "--disable-timestamp",
                "--formatters=builtin",
            ],
            check=True,
        )
        text = made.read_text(encoding="utf-8")
    return _formatted('"""Made by `make clients`: do not edit."""\n\n' + text)


def _typescript_types(document: dict[str, Any]) -> str:
    """The schemas as TypeScript types."""
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder, "openapi.json"), Path(folder, "models.ts")
        given.write_text(json.dumps(document | {"paths": {}}), encoding="utf-8")
        subprocess.run(  # noqa: S603  # as above
            [
                OPENAPI_TYPESCRIPT,
                given,
                f"--output={made}",
                "--root-types",
                "--root-types-no-schema-prefix",
                "--default-non-nullable=false",
            ],
            check=True,
            capture_output=True,
        )
        text = made.read_text(encoding="utf-8")
    return "/** Made by `make clients`: do not edit. */\n\n" + text


def _rendered(template: str, calls: list[Call], **more: Any) -> str:
    environment = jinja2.Environment(  # noqa: S701  # code, not HTML
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    words = python if template.startswith("python") else typescript
    return environment.get_template(template).render(
        calls=calls, callers=CALLERS, meanings=MEANINGS, **vars(words), **more
    )


def _formatted(text: str) -> str:
    """As ruff formats it for the Python client."""
    ruff = Path(sys.executable).with_name("ruff")
    config = ROOT / "clients" / "python" / "pyproject.toml"
    for arguments in (
        ["check", "--fix", "--unsafe-fixes", "--quiet", "--select=I,F401,UP,D200,D212,FA100"],
        ["format", "--quiet"],
    ):
        text = subprocess.run(  # noqa: S603  # as above
            [ruff, *arguments, f"--config={config}", "-"],
            input=text,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    return text


if __name__ == "__main__":
    main()
