"""Receives Payviox webhooks, with nothing but the standard library.

PAYVIOX_WEBHOOK_TOKEN=whsec_… PORT=9000 python3 webhook_receiver.py

While a token is being changed give it both, the old and the new, separated by a comma.

It prints every verified event as one line of JSON. In production put a TLS proxy before it.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import sys
import time
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKENS = [
    token.strip()
    for token in os.environ.get("PAYVIOX_WEBHOOK_TOKEN", "").split(",")
    if token.strip()
] or sys.exit("set PAYVIOX_WEBHOOK_TOKEN")
TOLERANCE_S = 300
MAX_BODY_BYTES = 1_000_000


def verified(body: bytes, headers: Message) -> bool:
    """Whether one of the tokens signed this, in both ways."""
    return any(
        signature_matches(token, body, headers) and standard_signature_matches(token, body, headers)
        for token in TOKENS
    )


def signature_matches(token: str, body: bytes, headers: Message) -> bool:
    """`Signature`: hex HMAC-SHA256 of the exact bytes, keyed with the token as it is shown."""
    expected = hmac.new(token.encode(), body, hashlib.sha256).hexdigest()
    return same(headers.get("Signature", ""), expected)


def standard_signature_matches(token: str, body: bytes, headers: Message) -> bool:
    """The three `webhook-` headers sign the time too, so an old delivery cannot be replayed."""
    sent_at = headers.get("webhook-timestamp", "")
    if not re.fullmatch("[0-9]{1,12}", sent_at):
        return False
    if abs(time.time() - int(sent_at)) > TOLERANCE_S:
        return False
    key = base64.b64decode(token.removeprefix("whsec_"))
    signed = f"{headers.get('webhook-id', '')}.{sent_at}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    # While a token is being rotated there may be several, separated by spaces.
    return any(same(given, expected) for given in headers.get("webhook-signature", "").split())


def same(given: str, expected: str) -> bool:
    """Compare without telling by the time it takes how much of a guess was right."""
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())


class Receiver(BaseHTTPRequestHandler):
    """Answers 200 to a verified event and 401 to anything else."""

    timeout = 10

    def do_POST(self) -> None:
        """Verify the bytes as they came, and only then parse them."""
        length = self.headers.get("Content-Length", "0")
        if not re.fullmatch("[0-9]{1,9}", length) or int(length) > MAX_BODY_BYTES:
            self.send_error(413)
            return
        body = self.rfile.read(int(length))
        accepted = verified(body, self.headers)
        if accepted:
            # The same event may come more than once: act on each order_id and type only once.
            # Note it down and answer; do slow work later, since 30 seconds without a 200 mean
            # that it is sent again.
            print(json.dumps(json.loads(body)), flush=True)
        self.send_response(200 if accepted else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet: what is printed is events."""


def main() -> None:
    """Serve until interrupted."""
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "9000"))), Receiver)
    print(f"listening on http://127.0.0.1:{server.server_port}", file=sys.stderr, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
