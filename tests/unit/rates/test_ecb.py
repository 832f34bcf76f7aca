"""The European Central Bank's files, and what is none."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from payviox.errors import FieldErrors
from payviox.rates import answers, ecb

NAMES = (
    'xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01"'
    ' xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref"'
)


def file(days: dict[str, str], inner: str = "") -> bytes:
    cubes = "".join(
        f'<Cube time="{day}"><Cube currency="USD" rate="{rate}"/>'
        f'<Cube currency="JPY" rate="170.1"/></Cube>'
        for day, rate in days.items()
    )
    return (
        f"<?xml version='1.0' encoding='UTF-8'?><gesmes:Envelope {NAMES}>"
        f"<gesmes:subject>Reference rates</gesmes:subject>{inner}<Cube>{cubes}</Cube>"
        "</gesmes:Envelope>"
    ).encode()


def test_a_day_is_said_at_four_in_frankfurt_and_lasts_five_days() -> None:
    [rate] = ecb.read(file({"2026-11-27": "1.0825"}))
    assert (rate.source, rate.currency, rate.rate) == ("ecb", "EUR", Decimal("1.0825"))
    assert rate.as_of == datetime(2026, 11, 27, 15, tzinfo=UTC)
    assert rate.expires_at == datetime(2026, 12, 2, 15, tzinfo=UTC)


def test_a_history_has_every_day() -> None:
    days = {"2026-11-27": "1.0825", "2026-11-26": "1.0800", "2026-07-01": "1.1"}
    assert {rate.rate for rate in ecb.read(file(days))} == {Decimal(each) for each in days.values()}


BOMB = (
    b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'bbbbbbbb'><!ENTITY c '&b;&b;&b;&b;'>]>"
    b"<a>&c;</a>"
)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (BOMB, "document type"),
        (b"<a>" * 100_000, "cut off"),
        (b"", "cut off"),
        (b"Date, USD\n27 November 2026, 1.08\n", "cut off"),
        (b"<html/>", "European Central Bank"),
        (file({"yesterday": "1.08"}), "a day or a rate that is none"),
        (file({"2026-11-27": "one"}), "a day or a rate that is none"),
        (file({"2026-11-27": "NaN"}), "US dollars for one unit"),
        (file({"2026-11-27": "-1.08"}), "US dollars for one unit"),
        (file({"2026-11-27": "0.108"}), "US dollars for one unit"),
        (file({"2026-11-27": "10.8"}), "US dollars for one unit"),
        (file({"2026-11-27": "1.08"}, "<Cube>" * 20 + "</Cube>" * 20), "nests more"),
        (
            file({"2026-11-27": "1.08"}).replace(
                b"</Cube></Cube>",
                b'</Cube><Cube time="2026-11-27"><Cube currency="USD" rate="1.09"/></Cube></Cube>',
            ),
            "names a day twice",
        ),
        (b" " * (ecb.MOST_BYTES + 1), "larger than"),
    ],
)
def test_what_is_no_such_file_is_refused_with_its_reason(content: bytes, why: str) -> None:
    with pytest.raises(FieldErrors) as refused:
        ecb.read(content)
    assert why in str(refused.value.fields)


NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def test_a_service_answers_with_every_digit() -> None:
    rate = answers.read(
        b'{"currency":"EUR","rate":"1.0825000001","as_of":"2026-11-29T13:00:00+01:00"}', NOW
    )
    assert (rate.source, rate.rate) == ("http", Decimal("1.0825000001"))
    assert rate.expires_at == datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"1.08", "is no rate"),
        (b'{"currency":"EUR","rate":"x","as_of":"2026-11-29T12:00:00Z"}', "is no rate"),
        (b'{"currency":"EUR","rate":"1.08","as_of":"2026-11-29T12:00:00"}', "without its zone"),
        (b'{"currency":"EUR","rate":"1.08","as_of":"2026-11-29T13:00:00Z"}', "of the future"),
        (b'{"currency":"GBP","rate":"1.3","as_of":"2026-11-29T12:00:00Z"}', "must be one of: EUR"),
        (b'{"currency":"EUR","rate":"0","as_of":"2026-11-29T12:00:00Z"}', "US dollars for one"),
        (
            b'{"currency":"EUR","rate":"1.00000000001","as_of":"2026-11-29T12:00:00Z"}',
            "ten digits",
        ),
        (
            b'{"currency":"EUR","rate":"1","as_of":"2026-11-29T00:00:00Z","expires_at":"2027-11-29T00:00:00Z"}',
            "hours at the most",
        ),
    ],
)
def test_another_answer_is_refused_with_its_reason(content: bytes, why: str) -> None:
    with pytest.raises(FieldErrors) as refused:
        answers.read(content, NOW)
    assert why in str(refused.value.fields)
