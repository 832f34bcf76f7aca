"""The target guard without a network: what a URL may look like and which addresses pass."""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payviox.webhooks.targets import (
    MAX_ADDRESSES,
    Lookup,
    Target,
    TargetError,
    parse_target,
    resolve,
)
from support.machine import stretch

PUBLIC = "93.184.216.34"
PUBLIC_V6 = "2606:4700:4700::1111"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def answering(*addresses: str) -> Lookup:
    async def lookup(_host: str, port: int) -> Sequence:
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (text, port, 0, 0))
            if ":" in text
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, port))
            for text in addresses
        ]

    return lookup


def target(host: str = "hooks.example.com", *, allow_private: bool = False) -> Target:
    return Target("https", host, 443, "/", allow_private)


# --- syntax


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "authority"),
    [
        ("https://example.com", "example.com", 443, "/", "example.com"),
        ("HTTPS://Example.COM:443/a?b=c", "example.com", 443, "/a?b=c", "example.com"),
        ("https://example.com.:8443/a//b", "example.com", 8443, "/a//b", "example.com:8443"),
        ("https://example.com:?q", "example.com", 443, "/?q", "example.com"),
        ("https://bücher.example/%C3%A4", "xn--bcher-kva.example", 443, "/%C3%A4",
         "xn--bcher-kva.example"),
        (f"https://{PUBLIC}/", PUBLIC, 443, "/", PUBLIC),
        (f"https://[{PUBLIC_V6}]:4430/", PUBLIC_V6, 4430, "/", f"[{PUBLIC_V6}]:4430"),
        ("https://1password.4chan.org/", "1password.4chan.org", 443, "/", "1password.4chan.org"),
        ("https://deploy--site.example.app/", "deploy--site.example.app", 443, "/",
         "deploy--site.example.app"),
    ],
)  # fmt: skip
def test_a_usable_url_is_taken_apart(
    url: str, host: str, port: int, path: str, authority: str
) -> None:
    parsed = parse_target(url, allow_private=False)
    assert (parsed.host, parsed.port, parsed.path, parsed.authority) == (
        host, port, path, authority,
    )  # fmt: skip


@pytest.mark.parametrize(
    "url",
    [
        "", "example.com", "//example.com/", "https:", "https://", "https:///path", "https:/a.b/",
        "http://example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/",
        "javascript:alert(1)", "unix:///run/x.sock",
        "https://user@example.com/", "https://user:pw@example.com/", "https://@example.com/",
        "https://example.com@127.0.0.1/", "https://example.com/#x", "https://example.com/#",
        "https://example.com/a b", "https://example.com/\r\nX: y", "https://exam\tple.com/",
        " https://example.com/", "https://example.com\\@127.0.0.1/", "https://example.com/\u00ad",
        "https://example.com/\u202e", "https://example.com/ä", "https://example.com/\x00",
        "https://example.com:0/", "https://example.com:22/", "https://example.com:25/",
        "https://example.com:65536/", "https://example.com:99999999/", "https://example.com:-1/",
        "https://example.com:8o/", "https://example.com:٨٠٨٠/", "https://example.com:1:2/",
        "https://example..com/", "https://.example.com/", "https://example.com../", "https://./",
        "https://-a.example/", "https://a-.example/", "https://a_b.example/", "https://*.example/",
        "https://%65xample.com/", "https://127.0.0.1%00.example.com/", "https://[::1/",
        f"https://[{PUBLIC_V6}]x/", f"https://x[{PUBLIC_V6}]/", "https://[example.com]/",
        f"https://[{PUBLIC_V6}%25eth0]/", f"https://[{PUBLIC}]/", "https://[v1.x]/",
        "https://" + "a" * 64 + ".example/", "https://" + "a." * 127 + "example/",
        "https://example.com/" + "a" * 2048, "https://1.2.3/", "https://1.2.3.4.5/",
        "https://example.0x1/", "https://example.123/", f"https://0{PUBLIC}/", "https://localhost/",
        "https://localhost./", "https://intranet/", "https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/",
    ],
)  # fmt: skip
def test_a_url_that_is_no_public_https_target_is_refused(url: str) -> None:
    with pytest.raises(TargetError):
        parse_target(url, allow_private=False)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/", "http://localhost:3000/hook", "https://[::1]/", "http://web/"]
)
def test_for_development_plain_http_and_private_hosts_are_allowed(url: str) -> None:
    assert parse_target(url, allow_private=True).allow_private


@pytest.mark.parametrize("url", ["ftp://localhost/", "http://u@localhost/", "http://2130706433/"])
def test_the_switch_for_development_does_not_loosen_the_syntax(url: str) -> None:
    with pytest.raises(TargetError):
        parse_target(url, allow_private=True)


# --- addresses


def _within(network: str) -> st.SearchStrategy[IPv4Address | IPv6Address]:
    return st.ip_addresses(network=network)


NON_GLOBAL_V4 = st.one_of(
    *map(
        _within,
        [
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
            "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
            "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        ],
    ),
    st.sampled_from(["169.254.169.254", "100.100.100.200", "192.0.0.192", "168.63.129.16"]).map(
        IPv4Address
    ),
)  # fmt: skip

PURE_V6 = st.one_of(
    *map(
        _within,
        [
            "::/128", "::1/128", "100::/64", "2001::/32", "2001:2::/48", "2001:10::/28",
            "2001:20::/28", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7",
            "fd00:ec2::254/128", "fe80::/10", "fec0::/10", "ff00::/8", "64:ff9b::/96",
            "64:ff9b:1::/48",
        ],
    )
)  # fmt: skip


def v4_forms(address: IPv4Address) -> list[str]:
    """Every way in which C libraries and browsers let an IPv4 address be written."""
    a, b, c, d = address.packed
    number = int(address)
    forms = [
        f"{a}.{b}.{c}.{d}", str(number), hex(number), hex(number).upper(), f"0{number:o}",
        f"0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}", f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"{a}.{b}.{c * 256 + d}", f"{a}.{(b << 16) + (c << 8) + d}", f"{a}.0x{b:x}.0{c:o}.{d}",
        f"00{a}.{b}.{c}.{d}", f"0x{'0' * 8}{number:08x}",
    ]  # fmt: skip
    forms += [form + "." for form in forms]
    full_width = "".join(chr(0xFF10 + digit) for digit in range(10))
    wide = str.maketrans("0123456789.", full_width + "\N{IDEOGRAPHIC FULL STOP}")
    return forms + [form.translate(wide) for form in forms[:2]]


def v6_embeddings(address: IPv4Address) -> list[IPv6Address]:
    """Mapped, compatible, translated, NAT64 (both prefixes), 6to4 and Teredo."""
    n = int(address)
    return [
        IPv6Address((0xFFFF << 32) | n),
        IPv6Address(n),
        IPv6Address((0xFFFF << 48) | n),
        IPv6Address((0x64FF9B << 96) | n),
        IPv6Address((0x64FF9B0001 << 80) | n),
        IPv6Address((0x2002 << 112) | (n << 80)),
        IPv6Address((0x20010000 << 96) | (n ^ 0xFFFFFFFF)),
    ]


def v6_forms(address: IPv6Address) -> list[str]:
    groups = address.exploded.split(":")
    dotted = ":".join(groups[:6]) + ":" + str(IPv4Address(int(address) & 0xFFFFFFFF))
    texts = [address.compressed, address.exploded, address.exploded.upper(), dotted]
    return [f"[{text}]" for text in texts] + [f"[{address.compressed}%eth0]"]


def refused(host: str) -> None:
    with pytest.raises(TargetError):
        parse_target(f"https://{host}/", allow_private=False)


@given(NON_GLOBAL_V4)
def test_every_written_form_of_an_ipv4_address_that_is_not_global_is_refused(
    address: IPv4Address,
) -> None:
    for form in v4_forms(address):
        refused(form)
    for embedding in v6_embeddings(address):
        for form in v6_forms(embedding):
            refused(form)


@given(PURE_V6)
def test_every_written_form_of_an_ipv6_address_that_is_not_global_is_refused(
    address: IPv6Address,
) -> None:
    for form in v6_forms(address):
        refused(form)


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6), NON_GLOBAL_V4, PURE_V6))
def test_nothing_passes_that_the_standard_library_does_not_call_global(
    address: IPv4Address | IPv6Address,
) -> None:
    text = f"[{address}]" if address.version == 6 else str(address)
    try:
        parse_target(f"https://{text}/", allow_private=False)
    except TargetError:
        return
    assert address.is_global
    assert not address.is_multicast


@pytest.mark.parametrize("text", [PUBLIC, "8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.0",
                                  "100.63.255.255", "100.128.0.0", "223.255.255.255", PUBLIC_V6,
                                  "2a00:1450:4001::200e"])  # fmt: skip
def test_public_addresses_pass(text: str) -> None:
    host = f"[{text}]" if ":" in text else text
    assert parse_target(f"https://{host}/", allow_private=False).host == text


# --- resolution


@pytest.mark.anyio
async def test_a_name_with_public_answers_gives_exactly_those() -> None:
    found = await resolve(target(), lookup=answering(PUBLIC, PUBLIC_V6))
    assert [info[4][:2] for info in found] == [(PUBLIC, 443), (PUBLIC_V6, 443)]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "::1", "fe80::1%2", "fd00::1",
     "::ffff:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a9fe:a9fe", "2002:7f00:1::", "0.0.0.0",
     "::", "224.0.0.1", "255.255.255.255"],
)  # fmt: skip
@pytest.mark.parametrize("place", [0, 1, 20])
async def test_one_answer_that_is_not_public_condemns_the_name_wherever_it_stands(
    address: str, place: int, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [PUBLIC] * 20
    answers.insert(place, address)
    caplog.clear()
    with pytest.raises(TargetError) as refused:
        await resolve(target(), lookup=answering(*answers))
    assert str(refused.value) == "the name does not resolve to a public address"
    (line,) = caplog.messages  # the operator's
    assert line.startswith("target hooks.example.com: the address is not public: ")
    assert str(ip_address(address)) in line
    assert await resolve(target(allow_private=True), lookup=answering(*answers))


@pytest.mark.anyio
async def test_a_name_with_many_addresses_is_tried_at_a_few() -> None:
    found = await resolve(target(), lookup=answering(*[PUBLIC] * 100))
    assert len(found) == MAX_ADDRESSES


@pytest.mark.anyio
async def test_a_name_that_does_not_resolve_says_so() -> None:
    async def failing(_host: str, _port: int) -> Sequence:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    for lookup in (failing, answering()):
        with pytest.raises(TargetError, match="the name does not resolve"):
            await resolve(target(), lookup=lookup)


@pytest.mark.anyio
async def test_a_name_that_hangs_has_one_look_up_and_keeps_no_other_name_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: Counter[str] = Counter()
    gate = threading.Event()

    def getaddrinfo(host: str, port: int, **_: object) -> Sequence:
        asked[host] += 1
        if host == "hangs.example.com":
            gate.wait(stretch(60))
            raise socket.gaierror(socket.EAI_AGAIN, "later")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (PUBLIC, port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    hanging = [asyncio.create_task(resolve(target("hangs.example.com"))) for _ in range(200)]
    await asyncio.sleep(0)
    hanging[0].cancel()
    found = await resolve(target("hooks.example.com"))
    assert found[0][4][0] == PUBLIC
    gate.set()
    ended = await asyncio.gather(*hanging, return_exceptions=True)
    assert [type(one) for one in ended] == [asyncio.CancelledError] + [TargetError] * 199
    assert asked == {"hangs.example.com": 1, "hooks.example.com": 1}
    with pytest.raises(TargetError):
        await resolve(target("hangs.example.com"))
    assert asked["hangs.example.com"] == 2, "looked up anew, not remembered"


@pytest.mark.anyio
@given(address=NON_GLOBAL_V4)
async def test_what_the_systems_resolver_makes_of_odd_forms_is_refused_too(
    address: IPv4Address,
) -> None:
    """The second line of defence: the same forms, had the syntax check let them through."""
    for form in (str(int(address)), hex(int(address)), str(address)):
        with pytest.raises(TargetError):
            await resolve(target(form))
