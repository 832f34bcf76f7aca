"""Who an email address is: one canonical spelling each, and no two look-alikes one person."""

import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from payviox.payout_users import email
from payviox.payout_users.email import (
    INVALID,
    NOT_TEXT,
    REQUIRED,
    TOO_LONG,
    InvalidEmail,
    canonical,
)

LONGEST_DOMAIN = ".".join(["b" * 60] * 3) + ".com"  # 186 characters


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("a@x.com", "a@x.com"),
        ("A@X.com", "a@x.com"),
        ("miKe@x.com", "mike@x.com"),
        (" \t\r\n\v\fa@x.com \t\r\n\v\f", "a@x.com"),
        ("a.b+tag@x.com", "a.b+tag@x.com"),
        ("o'neil%x@x.com", "o'neil%x@x.com"),
        ("-a_@x.com", "-a_@x.com"),
        ("a@x.test", "a@x.test"),
        ("a@x.invalid", "a@x.invalid"),
        ("a@x.local", "a@x.local"),
        ("a@b.c", "a@b.c"),
        ("a@xn--fa-hia.de", "a@xn--fa-hia.de"),
        ("a@XN--FA-HIA.DE", "a@xn--fa-hia.de"),
        ("a@faß.de", "a@xn--fa-hia.de"),
        ("a@FAẞ.de", "a@xn--fa-hia.de"),
        ("a@fass.de", "a@fass.de"),
        ("a@É.com", "a@xn--9ca.com"),
        ("a@e\u0301.com", "a@xn--9ca.com"),
        ("a@例子.测试", "a@xn--fsqu00a.xn--0zwm56d"),
        ("a@\u0430pple.com", "a@xn--pple-43d.com"),
        ("a@\u0131x.com", "a@xn--x-eka.com"),
        ("a" * 64 + "@x.com", "a" * 64 + "@x.com"),
        ("a" * 64 + "@" + LONGEST_DOMAIN, "a" * 64 + "@" + LONGEST_DOMAIN),
    ],
)
def test_an_address_has_one_canonical_spelling(written: str, meant: str) -> None:
    assert canonical(written) == meant
    assert canonical(meant) == meant


@pytest.mark.parametrize("domain", ["\u4f8b" * 60 + ".com", "a.b." * 63 + "\u4f8b", "\u00e9." * 60])
def test_a_domain_without_room_in_dns_is_refused_before_anything_slow(
    domain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(email, "idna", None)
    monkeypatch.setattr(email, "grammar", None)
    with pytest.raises(InvalidEmail, match=f"^{INVALID}$"):
        canonical(f"a@{domain}")


@pytest.mark.parametrize("letter", ["e\u0301", "\u1112\u1161\u11ab"])
def test_a_label_that_fits_once_composed_is_not_too_long(letter: str) -> None:
    assert canonical(f"a@{letter * 32}.com").startswith("a@xn--")


@pytest.mark.parametrize("missing", [None, "", " ", " \t\r\n\v\f"])
def test_nothing_or_white_space_is_required(missing: object) -> None:
    with pytest.raises(InvalidEmail, match=f"^{REQUIRED}$"):
        canonical(missing)


@pytest.mark.parametrize("value", [1, 1.5, True, False, [], ["a@x.com"], {}, {"a": 1}])
def test_anything_but_text_must_be_a_string(value: object) -> None:
    with pytest.raises(InvalidEmail, match=f"^{NOT_TEXT}$"):
        canonical(value)


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "@",
        "a@",
        "@x.com",
        "a@x",
        "a@localhost",
        "a@x..com",
        "a@.x.com",
        "a@x.com.",
        "a@-x.com",
        "a@x-.com",
        "a@x_y.com",
        "a@1.2.3.4",
        "a@[1.2.3.4]",
        "a@x.123",
        "a@ab--cd.com",
        ".a@x.com",
        "a.@x.com",
        "a..b@x.com",
        "a b@x.com",
        "a@b@x.com",
        '"ab"@x.com',
        '"a b"@x.com',
        '"a@b"@x.com',
        "a(c)@x.com",
        "<a@x.com>",
        "A <a@x.com>",
        "a@x.com,b@x.com",
        "a\r\nBcc:b@x.com",
        "a@x.com\r\nBcc: b@x.com",
        "a@x\r\n.com",
        "a@x.com\0",
        "a\0@x.com",
        "a@xn--a.com",
        "a@xn--.com",
        "a@xn--example-.com",
        "a" * 65 + "@x.com",
        "a@" + "b" * 64 + ".com",
        "a@" + "é" * 60 + ".com",
        # No look-alike of an ASCII address is merged with it.
        "m\u0131ke@x.com",
        "mi\u212ae@x.com",
        "mike@\u212a.com",
        "mike@\uff4b.com",
        "mike@ex\u3002com",
        "mike@\ufb01x.com",
        "mike@\u0130x.com",
        "mike@exa\u00admple.com",
        "mike@x\ufe0f.com",
        "mike@x\u200b.com",
        "mike@x\u200d.com",
        "mike@x\u2060.com",
        "mike@x\u180b.com",
        "mike\u200b@x.com",
        "\u00a0mike@x.com",
        "mike@x.com\u2003",
        "\ufeffmike@x.com",
        "mike@x.com\x1f",
        "é@x.com",
        "é" * 300 + "@x.com",
    ],
)
def test_these_are_no_valid_addresses(text: str) -> None:
    with pytest.raises(InvalidEmail, match=f"^{INVALID}$"):
        canonical(text)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 250 + "@example.com",
        "a" * 244 + "@example.com",
        "a" * 64 + "@" + "b" * 30 + "." + LONGEST_DOMAIN,
        "a@" + "b" * 300 + ".com",
    ],
)
def test_more_than_255_characters_are_too_many(text: str) -> None:
    assert len(text) > 255
    with pytest.raises(InvalidEmail, match=f"^{TOO_LONG}$"):
        canonical(text)


def test_exactly_255_characters_are_allowed() -> None:
    text = "a" * 64 + "@" + "b" * (255 - 65 - len("." + LONGEST_DOMAIN)) + "." + LONGEST_DOMAIN
    assert len(text) == 255
    assert canonical(text) == text


def test_white_space_around_an_address_does_not_make_it_too_long() -> None:
    assert canonical(" " * 300 + "a@x.com" + "\n" * 300) == "a@x.com"


labels = st.text(string.ascii_letters + string.digits + "-_", min_size=0, max_size=8)
locals_ = st.text(string.ascii_letters + string.digits + ".+-_!'%\"\\@ \x7f", max_size=12)
nearly_addresses = st.one_of(
    st.emails(),
    st.builds(
        lambda local, parts: f"{local}@{'.'.join(parts)}",
        locals_,
        st.lists(labels, min_size=0, max_size=4),
    ),
    st.builds(
        lambda local, label, times, end: f"{'a' * local}@{'.'.join([label] * times)}.{end}",
        st.integers(60, 68),
        st.text(string.ascii_lowercase, min_size=58, max_size=66),
        st.integers(1, 4),
        st.text(string.ascii_lowercase, min_size=1, max_size=64),
    ),
    st.from_regex(email._COMMON, fullmatch=True).filter(str.isascii),
)


@settings(max_examples=400, deadline=None)
@given(nearly_addresses)
@example("a@xn--fa-hia.de")
@example("a@ab--cd.com")
@example("a@x.co\n")
def test_the_short_way_decides_as_the_grammar_does(text: str) -> None:
    """What _COMMON accepts at a glance, the whole grammar accepts with the same spelling."""
    lowered = text.lower()
    if text.isascii() and email._COMMON.fullmatch(lowered):
        assert email._by_grammar(text) == lowered
        assert canonical(text) == lowered
    else:
        assert _result(canonical, text) == _result(email._by_grammar, text.strip(email.ASCII_SPACE))


@settings(max_examples=400, deadline=None)
@given(
    st.one_of(
        st.text(max_size=20),
        st.builds(
            lambda local, domain: f"{local}@{domain}.com",
            st.text(max_size=6),
            st.text(min_size=1, max_size=6),
        ),
        st.builds(
            lambda kept, strange, rest: f"a@{kept}{strange}{rest}.com",
            st.text("xyé", max_size=3),
            st.characters(min_codepoint=128),
            st.text("xyé", max_size=3),
        ),
    )
)
def test_a_label_beyond_ascii_never_becomes_a_plain_one(text: str) -> None:
    """So that no address beyond ASCII is merged with a plain one, however alike they look."""
    try:
        result = canonical(text)
    except InvalidEmail:
        return
    assert result.isascii()
    assert result == result.lower() == canonical(result)
    local, _, domain = text.strip(email.ASCII_SPACE).rpartition("@")
    assert result.startswith(f"{local.lower()}@")
    written, meant = domain.split("."), result.rpartition("@")[2].split(".")
    assert len(written) == len(meant)
    for before, after in zip(written, meant, strict=True):
        assert after == before.lower() if before.isascii() else after.startswith("xn--")


def _result(function: object, text: str) -> str:
    try:
        return function(text)  # type: ignore[operator]
    except InvalidEmail as error:
        return str(error) if text else REQUIRED


def test_commands_and_pages_say_why_a_local_part_is_refused() -> None:
    with pytest.raises(InvalidEmail, match=f"^{INVALID}$") as refused:
        canonical("\u00e9@x.com")
    assert refused.value.in_full == (
        "The email must be a valid email address: the characters before the @ must be ASCII."
    )
