"""What a check found."""

from typing import Literal

import msgspec

Verdict = Literal["ok", "warning", "problem", "not checked"]


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at. A `problem` keeps something from working, or may lose what was
    committed; a `warning` will, or makes an attack easier. `advice` says what to do."""

    subject: str
    verdict: Verdict
    detail: str
    advice: str = ""


def ok(subject: str, detail: str) -> Finding:
    """All is well."""
    return Finding(subject, "ok", detail)
