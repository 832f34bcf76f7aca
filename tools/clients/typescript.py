"""How the TypeScript client writes a call down: types, names, comments."""

import json
import re
import textwrap
from typing import Any

from calls import LONGEST_CHOICE, Call, Parameter, type_name

LONGEST_LINE = 90


def camel(name: str) -> str:
    """`create_payout` → `createPayout`."""
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), name)


def typescript_type(parameter: Parameter) -> str:
    kind = "Date | string" if parameter.is_moment else _kind(parameter.schema)
    return kind if parameter.required else f"{kind} | undefined"


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return f"models.{type_name(schema)}"
    if "anyOf" in schema:
        kinds = [_kind(each) for each in schema["anyOf"]]
        return "string" if "string" in kinds else " | ".join(kinds)
    if "enum" in schema:
        values = [json.dumps(value) for value in schema["enum"]]
        return "string" if len(values) > LONGEST_CHOICE else " | ".join(values)
    return {"string": "string", "integer": "number", "boolean": "boolean"}[schema["type"]]


def typescript_answer(call: Call) -> str:
    if call.as_text:
        return "Promise<string>"
    if call.entry:
        return f"Listing<models.{call.entry}, models.{call.answer}>"
    return f"Promise<models.{call.answer}>"


def typescript_verb(call: Call) -> str:
    if call.entry:
        return "list"
    return "getText" if call.as_text else call.method.lower()


def typescript_path(call: Call) -> str:
    """The path as an expression."""
    if not call.ids:
        return f'"{call.path}"'
    return "`" + call.path.replace("{id}", f"${{part({camel(call.ids[0])})}}") + "`"


def typescript_text(call: Call) -> list[str]:
    """The lines of the comment, with each field of the body that has a meaning of its own."""
    lines: list[str] = []
    for paragraph in call.text:
        lines += [*textwrap.wrap(" ".join(paragraph.split()), LONGEST_LINE), ""]
    for each in call.body:
        if each.meaning:
            lines += textwrap.wrap(f"`{each.name}`: {' '.join(each.meaning.split())}", LONGEST_LINE)
    return lines if lines[-1] else lines[:-1]


def typescript_arguments(call: Call) -> str:
    """What is handed on of the parameters, before the options."""
    if call.method == "GET":
        given = "query" if call.query else "{}"
    else:
        given = "body" if call.body_type else "{}"
    entries = f', "{call.entries}"' if call.entry else ""
    return f"{typescript_path(call)}, {given}{entries}"


def typescript_comment(text: str) -> list[str]:
    """A comment before a field."""
    whole = f"/** {' '.join(text.split())} */"
    if len(whole) <= LONGEST_LINE:
        return [whole]
    return ["/**", *(f" * {line}" for line in textwrap.wrap(text, LONGEST_LINE)), " */"]
