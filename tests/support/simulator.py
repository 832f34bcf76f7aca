"""The rails' simulator as a process of its own: started, scripted, and its books read. It outlives
whatever is killed in a test, and ends with the test process."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.machine import stretch

CHECKOUT = Path(__file__).parents[2]
PAYPAL_CLIENT = "client"
PAYPAL_SECRET = "secret"
PAYPAL_WEBHOOK = "WEBHOOKSIMULATOR1"
TREMENDOUS_KEY = "TEST_simulator"
TREMENDOUS_WEBHOOK_KEY = "a private key of the webhook"
TREMENDOUS_FUNDING_SOURCE = "FUNDINGSRC1"
DAY_S = 86_400


@dataclass(frozen=True)
class Payment:
    """What a vendor did about one reference. Amounts in cents; `fee` is what it keeps; `history`
    has every status it was in."""

    vendor: str
    account: str
    reference: str
    group: str | None
    id: str
    group_id: str
    receiver: str
    amount: int
    fee: int
    status: str
    times_paid: int
    times_returned: int
    money_out: bool
    history: list[str]


@dataclass(frozen=True)
class Books:
    """What the vendors really paid."""

    accounts: dict[str, dict[str, Any]]
    payments: list[Payment]

    def of(self, reference: str) -> list[Payment]:
        """Payments under this reference, or under the attempts of an order (`<order>.1`)."""
        return [
            one
            for one in self.payments
            if one.reference == reference or one.reference.startswith(f"{reference}.")
        ]

    def times_paid(self, reference: str) -> int:
        """How often the payee was paid, less how often it came back."""
        return sum(one.times_paid - one.times_returned for one in self.of(reference))

    def balance(self, vendor: str, account: str) -> int:
        return int(self.accounts[f"{vendor} {account}"]["balance"])


class Simulator:
    """A running simulator. Its calls are synchronous and quick. `ahead` is by how much the vendors'
    time was advanced."""

    def __init__(self, *, seed: int = 1, checkout: Path = CHECKOUT) -> None:
        self.ahead = timedelta()
        command = ["tests.simulators", "--seed", str(seed), "--until-stdin-ends"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=checkout,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        told = self._process.stdout.readline()
        assert told.startswith("PayPal at "), f"the simulator ended: {told}"
        self.paypal_url = told.split()[-1]
        self.tremendous_url = f"{self.paypal_url}/api/v2"
        # No TLS: without the world's certificates a client starts quicker.
        url = f"{self.paypal_url}/_control"
        self._http = httpx.Client(base_url=url, timeout=stretch(30), verify=False)

    @property
    def reads_documents(self) -> bool:
        """Whether it found PayPal's published documents, and holds requests to them."""
        return bool(self._get("health")["paypal_document"])

    def paypal_account(self, client_id: str = PAYPAL_CLIENT, **settings: Any) -> None:
        """Open or change an account: secret, balance, add, webhook_id, callback_url, fee_bp,
        fee_cap, dry ("refuse", "deny"), processing_s, shows_after_s, token_s, posts_per_minute,
        reporting, course."""
        self._post("account", {"vendor": "paypal", "client_id": client_id, **settings})

    def tremendous_account(self, api_key: str = TREMENDOUS_KEY, **settings: Any) -> None:
        """Open or change an organization: balance, add, funding_source_id, webhook_key,
        callback_url, fee_bp, dry ("refuse", "fail"), shows_after_s, per_second, course. It
        `replaces` another key, which is refused then, or is another organization's."""
        self._post("account", {"vendor": "tremendous", "api_key": api_key, **settings})

    def script(self, *faults: dict[str, Any]) -> None:
        """What goes wrong: `{"route": "paypal.payouts.create", "fault": "hang", "when": "after"}`;
        more members and kinds in simulators/faults.py. With a `rate` it strikes at random."""
        self._post("script", list(faults))

    def rules(self, *rules: dict[str, Any]) -> None:
        """What becomes of payments: `{"vendor": "paypal", "receiver": "*", "course": "returned"}`;
        a course is a name or a list of steps (`status`, `after_s`, and `error` or `delivery`)."""
        self._post("rules", list(rules))

    def callbacks(self, *bends: dict[str, Any]) -> None:
        """What happens to callbacks: `{"do": "duplicate", "event": "PAYMENT.*"}`; see
        simulators/callbacks.py."""
        self._post("callbacks", list(bends))

    def release(self, order: str = "reversed") -> int:
        """Send the callbacks that were held; answers how many."""
        return int(self._post("release", {"order": order})["released"])

    def replay(self, number: int = -1, copies: int = 1) -> None:
        """Send a callback again, byte for byte."""
        self._post("replay", {"number": number, "copies": copies})

    def tell(self, reference: str, **more: Any) -> None:
        """Send a new callback about a payment (`status` or, at Tremendous, `event`)."""
        self._post("tell", {"reference": reference, **more})

    def set_status(self, reference: str, status: str, **more: Any) -> None:
        """The vendor changes its mind (`error`, `delivery`)."""
        self._post("set", {"reference": reference, "status": status, **more})

    def advance(self, *, days: float = 0, seconds: float = 0) -> None:
        """The vendors' time goes on, and what is due happens."""
        self._post("clock", {"advance_s": days * DAY_S + seconds})
        self.ahead += timedelta(days=days, seconds=seconds)

    def set_speed(self, speed: float) -> None:
        """So many of the vendors' seconds pass in one."""
        self._post("clock", {"speed": speed})

    def reset(self) -> None:
        """Forget what was scripted; books and accounts stay."""
        self._post("reset", {})

    def forget(self, *, recording: bool = True) -> None:
        """Forget recorded requests and sent callbacks; recording=False: record no more."""
        self._post("forget", {"recording": recording})

    def books(self) -> Books:
        found = self._get("books")
        payments = [Payment(**payment) for payment in found["payments"]]
        return Books(found["accounts"], payments)

    def requests(self, route: str | None = None) -> list[dict[str, Any]]:
        """Requests in the order they came: route, method, path, query, headers, body, status."""
        found: list[dict[str, Any]] = self._get("requests", **({"route": route} if route else {}))
        return found

    def sent(self) -> list[dict[str, Any]]:
        """Callbacks that were sent: event, url, headers, body, forged, and the answer's status."""
        found: list[dict[str, Any]] = self._get("sent")["sent"]
        return found

    def held(self) -> list[str]:
        """Events whose callbacks are held."""
        found: list[str] = self._get("sent")["held"]
        return found

    def faults(self) -> list[dict[str, Any]]:
        """What was scripted, with how often each was `seen` and has `struck`."""
        found: list[dict[str, Any]] = self._get("faults")
        return found

    def close(self) -> None:
        """End it, by SIGKILL."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        self._http.close()

    def _post(self, verb: str, given: Any) -> dict[str, Any]:
        answer = self._http.post(f"/{verb}", json=given)
        found: dict[str, Any] = answer.json()
        assert answer.status_code == 200, found
        return found

    def _get(self, view: str, **query: str) -> Any:
        answer = self._http.get(f"/{view}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A simulator of the test's own; import it into a conftest.py or the test's file."""
    started = Simulator()
    try:
        yield started
    finally:
        started.close()
