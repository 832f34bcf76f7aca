"""Whose word on where a request comes from is believed."""

import ipaddress

import pytest

from payviox.web.client_address import find_client

TRUSTED = [ipaddress.ip_network(text) for text in ("10.0.0.0/8", "2001:db8::/48", "::1")]


@pytest.mark.parametrize(
    ("peer", "header", "client"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # a stranger's word counts for nothing
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),  # what it came with is a stranger's
        ("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2, 10.0.0.3", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),  # somebody within the trusted network
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, unknown, 10.0.0.2", "10.0.0.2"),
        ("::1", "2001:db9::1", "2001:db9::1"),
        ("2001:db8::7", "[2001:db9::1]:443, 2001:db8::8", "2001:db9::1"),
        ("::ffff:10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("2001:db9::5", "198.51.100.1", "2001:db9::5"),
        ("10.0.0.1", "fe80::1%eth0", "fe80::1"),
        ("10.0.0.1", "198.51.100.1\x00", "10.0.0.1"),
        ("a socket", "198.51.100.1", "a socket"),
    ],
)
def test_the_client_is_the_nearest_hop_that_no_trusted_proxy_is(
    peer: str, header: str, client: str
) -> None:
    assert find_client(peer, [header.encode("latin-1")], TRUSTED) == client


def test_several_headers_are_one_list_in_their_order() -> None:
    assert find_client("10.0.0.1", [b"6.6.6.6", b"198.51.100.1"], TRUSTED) == "198.51.100.1"


def test_without_trusted_proxies_the_peer_is_the_client() -> None:
    assert find_client("127.0.0.1", [b"198.51.100.1"], []) == "127.0.0.1"
