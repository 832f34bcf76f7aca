"""How the Python client writes a call down: types, names, docstrings."""

import json
import re
import textwrap
from typing import Any

from calls import LONGEST_CHOICE, Call, Parameter, type_name

_KEY_OF_YOUR_OWN = (
    "`idempotency_key`: one of your own, such as an invoice's number, also makes calls of other "
    "processes and days one effect; left out, it covers this call's own retries."
)


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
        meanings.append(_KEY_OF_YOUR_OWN)
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
