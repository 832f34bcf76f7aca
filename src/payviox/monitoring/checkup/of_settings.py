"""What can be said of the settings alone."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from payviox.monitoring.checkup.finding import Finding, ok
from payviox.rail_accounts.urls import is_this_machine
from payviox.settings import Settings


def check(settings: Settings, *, has_live: bool) -> Iterator[Finding]:
    """`has_live`: a live business exists that has had money, so that it is no trial any more."""
    yield _address(settings, has_live=has_live)
    if settings.allow_private_webhooks:
        yield Finding(
            "private webhooks",
            "problem" if has_live else "warning",
            "PAYVIOX_ALLOW_PRIVATE_WEBHOOKS is on: a business's webhook may reach this network",
            "Unset it where strangers' businesses, or real money, are served.",
        )
    if settings.previous_secret_keys:
        yield Finding(
            "secret key",
            "warning",
            f"{len(settings.previous_secret_keys)} previous secret keys are still configured",
            "Once `payviox secrets rotate` says that nothing needs them, take them out of"
            " PAYVIOX_PREVIOUS_SECRET_KEYS.",
        )
    if not settings.require_second_factor and not settings.oidc_issuer:
        yield Finding(
            "second factors",
            "warning",
            "operators may sign in with a password alone",
            "Set PAYVIOX_REQUIRE_SECOND_FACTOR=1.",
        )
    if settings.metrics_token is None and not is_this_machine(settings.host):
        yield Finding(
            "metrics",
            "warning",
            "nobody but this machine itself can read /metrics",
            "Set PAYVIOX_METRICS_TOKEN, and give it to your Prometheus.",
        )


def _address(settings: Settings, *, has_live: bool) -> Finding:
    parts = urlsplit(settings.public_url)
    if is_this_machine(parts.hostname or ""):
        return Finding(
            "public address",
            "problem" if has_live else "warning",
            f"{settings.public_url} can be opened on this machine alone",
            "Set PAYVIOX_PUBLIC_URL to the address in mails, links and vendors' callbacks.",
        )
    if parts.scheme != "https":
        return Finding(
            "public address",
            "problem",
            f"{settings.public_url} is not encrypted: hashes and passwords cross it",
            "Put a proxy with a certificate in front, and set PAYVIOX_PUBLIC_URL to https://….",
        )
    return ok("public address", settings.public_url)
