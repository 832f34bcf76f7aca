"""A mail's HTML inside a page: a document of its own, in a frame without scripts, under a policy
that lets in just the styles which the mail names."""

import base64
import hashlib
import html as html_module
import re

from payviox.web.pages import POLICY

POLICY_AROUND = POLICY.replace("frame-ancestors", "frame-src 'self'; frame-ancestors")
"""The policy of a page with such a frame."""

STYLE = re.compile(r'\sstyle="([^"]*)"')


def framed(html: str) -> tuple[str, dict[str, str]]:
    """The document, whose links open a window of their own, and its headers."""
    document = html.replace("<head>", '<head><base target="_blank">', 1)
    styles = sorted({_hash(html_module.unescape(style)) for style in STYLE.findall(document)})
    allowed = " ".join(["'unsafe-hashes'", *styles]) if styles else "'none'"
    policy = (
        f"default-src 'none'; style-src {allowed}; img-src data:; form-action 'none';"
        " base-uri 'none'; frame-ancestors 'self';"
        " sandbox allow-popups allow-popups-to-escape-sandbox"
    )
    return document, {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }


def _hash(style: str) -> str:
    digest = hashlib.sha256(style.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
