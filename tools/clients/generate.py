"""`make clients`: types and calls of the Python client, from this checkout's
OpenAPI document. Types are made by datamodel-code-generator, calls by the
templates beside this."""

import json
import re
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

import jinja2
from calls import Call, Parameter, calls_of, client_document, type_name

from payviox import app

ROOT = Path(__file__).parents[2]
PYTHON = Path("python/src/payviox_client")
DATAMODEL_CODEGEN = Path(sys.executable).with_name("datamodel-codegen")
CALLERS = {"business": "Business", "payout_user": "PayoutUser"}
MEANINGS = {
    "business": "a business, which is known by its secret key",
    "payout_user": "a payout user, who is known by a payout hash",
}
KEY_OF_YOUR_OWN = (
    "`idempotency_key`: one of your own, such as an invoice's number, also makes calls of other "
    "processes and days one effect; left out, it covers this call's own retries."
)
LONGEST_CHOICE = 20
"""A parameter with more values than this is a text: nobody reads so long a signature."""


def main() -> None:
    """Write everything anew."""
    for path, text in generate(types=True).items():
        (ROOT / "clients" / path).write_text(text, encoding="utf-8")


def generate(*, types: bool) -> dict[Path, str]:
    """The text of each file by its path below `clients`; without `types`, of the calls alone."""
    document = client_document(app.described(""))
    calls = calls_of(document)
    files = {
        PYTHON / "_calls.py": _python(calls, waits=False),
        PYTHON / "_async_calls.py": _python(calls, waits=True),
    }
    if types:
        files[PYTHON / "models.py"] = _python_types(document)
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


def _python(calls: list[Call], *, waits: bool) -> str:
    environment = jinja2.Environment(  # noqa: S701  # Python, not HTML
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("python.jinja")
    names = (argument, python_type, python_default, python_answer, python_text, python_verb)
    return _formatted(
        template.render(
            calls=calls,
            callers=CALLERS,
            meanings=MEANINGS,
            waits=waits,
            python_path=python_path,
            **{each.__name__: each for each in names},
        )
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


def argument(name: str) -> str:
    """`from` → `from_`, as Python asks for."""
    return f"{name}_" if name == "from" else name


def python_type(parameter: Parameter) -> str:
    kind = "datetime | str" if parameter.is_moment else _python_kind(parameter.schema)
    if parameter.nullable:
        return f"{kind} | Omit | None"
    return kind if parameter.required else f"{kind} | None"


def _python_kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return f"models.{type_name(schema)}"
    if "anyOf" in schema:
        kinds = [_python_kind(each) for each in schema["anyOf"] if each != {"type": "null"}]
        return "str" if "str" in kinds else " | ".join(kinds)
    if "enum" in schema:
        values = [value for value in schema["enum"] if value is not None]
        if len(values) > LONGEST_CHOICE:
            return "str"
        return f"Literal[{', '.join(json.dumps(value) for value in values)}]"
    if schema["type"] == "array":
        return f"list[{_python_kind(schema['items'])}]"
    return {"string": "str", "integer": "int", "boolean": "bool"}[schema["type"]]


def python_default(parameter: Parameter) -> str:
    if parameter.required:
        return ""
    return " = OMIT" if parameter.nullable else " = None"


def python_answer(call: Call, listing: str) -> str:
    if call.as_text:
        return "str"
    if call.entry:
        return f"{listing}[models.{call.entry}, models.{call.answer}]"
    return f"models.{call.answer}"


def python_verb(call: Call) -> str:
    if call.entry:
        return "_list"
    return "_get_text" if call.as_text else f"_{call.method.lower()}"


def python_path(call: Call) -> str:
    """The path as an expression."""
    if not call.ids:
        return f'"{call.path}"'
    return f'f"{call.path.replace("{id}", "{self._quoted(" + call.ids[0] + ")}")}"'


def python_text(call: Call) -> str:
    """The docstring, with each parameter that has a meaning of its own."""
    paragraphs = [*call.text]
    meanings = [
        f"`{argument(each.name)}`: {_phrase(each.meaning)}"
        for each in (*call.body, *call.query)
        if each.meaning
    ]
    if call.keyed:
        meanings.append(KEY_OF_YOUR_OWN)
    wrapped = [_wrapped(paragraph) for paragraph in paragraphs]
    if meanings:
        wrapped.append("\n        ".join(_wrapped(each, "    ") for each in meanings))
    if len(wrapped) == 1 and "\n" not in wrapped[0]:
        return wrapped[0]
    return "\n\n        ".join(wrapped) + "\n        "


def _phrase(meaning: str) -> str:
    """A meaning as it reads after a colon."""
    return re.sub(r"^([A-Z])(?=[a-z])", lambda m: m[1].lower(), " ".join(meaning.split())).rstrip(
        "."
    )


def _wrapped(text: str, hanging: str = "") -> str:
    lines = textwrap.wrap(" ".join(text.split()), 88)
    return f"\n        {hanging}".join(lines)


if __name__ == "__main__":
    main()
