"""Every file that is written satisfies the published schema or the format's rules, and holds the
payments that were asked for, as a reader of its own finds them. What cannot be paid is refused."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from msgspec.structs import replace

from payviox.money import decimal
from payviox.rails.bank import nacha, schema, writing
from payviox.rails.bank.characters import written_name
from payviox.rails.bank.model import (
    AchAccount,
    Address,
    Iban,
    Instruction,
    Payer,
    Scheme,
    Unwritable,
)
from payviox.rails.bank.pain001 import Version
from support.bank_files import Payment, as_date, orders_to_banks, read_nacha, read_pain001

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
DAY = date(2026, 12, 1)

SEPA_PAYER = Payer(
    scheme="sepa",
    name="Acme",
    iban="DE89370400440532013000",
    address=Address(city="Köln", country="DE"),
)
ACH_PAYER = Payer(scheme="ach", name="Acme", company_id="1234567890", originating_dfi="021000021")
SEPA = Instruction(
    id="P-1",
    end_to_end_id="E1",
    amount=100,
    currency="EUR",
    name="Ada",
    account=Iban("FR1420041010050500013M02606"),
)
ACH = Instruction(
    id="P-1",
    end_to_end_id="E1",
    amount=100,
    currency="USD",
    name="Ada",
    account=AchAccount(
        routing_number="121000248",
        account_number="123456789",
        account_type="checking",
        holder="person",
    ),
)
PAYERS = {"sepa": SEPA_PAYER, "ach": ACH_PAYER}
PAYMENTS = {"sepa": SEPA, "ach": ACH}


def write(
    scheme: Scheme, *payments: Instruction, payer: Payer | None = None, **other: Any
) -> bytes:
    asked = {"message_id": "F-1", "execution_date": DAY, "created_at": NOW} | other
    form = asked.pop("form", writing.FORMATS[scheme][0])
    return writing.write(form, payer or PAYERS[scheme], instructions=payments, **asked).content


@pytest.mark.parametrize("version", ["pain.001.001.09", "pain.001.001.03"])
@given(asked=orders_to_banks("sepa"))
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_every_sepa_file_satisfies_the_schema_and_reads_back(
    version: Version, asked: dict[str, Any]
) -> None:
    file = writing.write(version, **asked)

    assert schema._schema(version).validate(etree.fromstring(file.content))
    payments, said = read_pain001(file.content, version)
    assert payments == [
        Payment(
            each.end_to_end_id, each.amount, each.account.number, written_name(each.name, "sepa")
        )
        for each in asked["instructions"]
    ]
    total = sum(each.amount for each in asked["instructions"])
    assert said == {
        "id": asked["message_id"],
        "count": str(len(payments)),
        "sum": decimal(total),
        "block count": str(len(payments)),
        "block sum": decimal(total),
        "day": asked["execution_date"].isoformat(),
        "payer": asked["payer"].iban,
    }
    assert (file.totals.count, file.totals.amount) == (len(payments), total)


@given(asked=orders_to_banks("ach"))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_every_ach_file_satisfies_nachas_rules_and_reads_back(asked: dict[str, Any]) -> None:
    file = writing.write("nacha", **asked)

    payments, said = read_nacha(file.content)
    by_id = {each.end_to_end_id: each for each in payments}
    assert by_id == {
        each.end_to_end_id: Payment(
            each.end_to_end_id,
            each.amount,
            f"{each.account.routing_number} {each.account.account_number}",
            written_name(each.name, "ach"),
        )
        for each in asked["instructions"]
    }
    assert len(payments) == len(by_id) == file.totals.count
    assert [as_date(day) for day in said["days"]] == [asked["execution_date"]]
    holders = {each.account.holder for each in asked["instructions"]}
    classes = {"person": "PPD", "company": "CCD"}
    assert sorted(said["classes"]) == sorted(classes[holder] for holder in holders)
    assert file.totals.amount == sum(each.amount for each in payments)


@pytest.mark.parametrize("scheme", ["sepa", "ach"])
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": ""}, "payee's name must have a letter"),
        ({"name": "n" * 71}, "payee's name may have"),
        ({"amount": 0}, "amount"),
        ({"amount": -1}, "amount"),
        ({"amount": 10**11}, "amount"),
        ({"currency": "CHF"}, "not in CHF"),
        ({"end_to_end_id": ""}, "end-to-end id"),
        ({"end_to_end_id": "e1"}, "end-to-end id"),
        ({"end_to_end_id": "E" * 36}, "end-to-end id"),
        ({"id": "a_b"}, "its id"),
    ],
)
def test_a_payment_that_no_bank_can_make_is_refused(
    scheme: Scheme, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(Unwritable, match=words):
        write(scheme, replace(PAYMENTS[scheme], **changes))


def test_accounts_that_cannot_be_paid_are_refused() -> None:
    for scheme, account, words in (
        ("sepa", Iban("DE89370400440532013001"), "checksum"),
        ("sepa", Iban("US64SVBKUS6S3300958879"), "SEPA does not reach"),
        ("sepa", Iban(SEPA_PAYER.iban or ""), "paying account itself"),
        ("sepa", ACH.account, "cannot be paid by SEPA"),
        ("ach", SEPA.account, "cannot be paid by ACH"),
        ("ach", replace(ACH.account, routing_number="121000249"), "routing number"),
        ("ach", replace(ACH.account, account_number="12"), "account number"),
    ):
        with pytest.raises(Unwritable, match=words) as raised:
            write(scheme, replace(PAYMENTS[scheme], account=account))  # type: ignore[arg-type]
        # Nobody may read the number where the refusal is shown or logged.
        assert getattr(account, "number", "123456789") not in str(raised.value)


def test_what_leaves_the_eea_needs_the_payers_address() -> None:
    abroad = replace(SEPA, account=Iban("CH9300762011623852957"))
    with pytest.raises(Unwritable, match="CH must name the payer's address"):
        write("sepa", abroad, payer=replace(SEPA_PAYER, address=None))
    assert b"<TwnNm>Koln</TwnNm><Ctry>DE</Ctry>" in write("sepa", abroad)
    write("sepa", SEPA, payer=replace(SEPA_PAYER, address=None))


@pytest.mark.parametrize("scheme", ["sepa", "ach"])
def test_a_file_is_refused_as_a_whole(scheme: Scheme) -> None:
    payment = PAYMENTS[scheme]
    for changes, words in (
        ({"message_id": "a b"}, "message's id"),
        ({"message_id": "x" * 36}, "message's id"),
        ({"execution_date": date(2026, 12, 25)}, "no banking day"),
        ({"execution_date": date(2026, 12, 5)}, "no banking day"),
    ):
        with pytest.raises(Unwritable, match=words):
            write(scheme, payment, **changes)
    with pytest.raises(Unwritable, match="1 to 20,000 payments"):
        write(scheme)
    with pytest.raises(Unwritable, match="E1 is in the file twice"):
        write(scheme, payment, replace(payment, id="P-2"))
    with pytest.raises(Unwritable, match="P-1 is in the file twice"):
        write(scheme, payment, replace(payment, end_to_end_id="E2"))


@pytest.mark.parametrize(
    ("payer", "words"),
    [
        (replace(SEPA_PAYER, iban=None), "iban must be an IBAN"),
        (replace(SEPA_PAYER, bic="COBA"), "bic must be a BIC"),
        (replace(SEPA_PAYER, name="n" * 71), "name may have 70"),
        (replace(SEPA_PAYER, address=Address(city="", country="DE")), "address city must have"),
        (replace(ACH_PAYER, company_id="12"), "company_id must be the 10"),
        (replace(ACH_PAYER, originating_dfi=None), "originating_dfi must be"),
        (replace(ACH_PAYER, name="n" * 17), "name may have 16"),
        (replace(ACH_PAYER, entry_description="PAYOUTS OF ACME"), "entry_description may have 10"),
    ],
)
def test_a_paying_account_that_is_set_up_wrong_is_refused(payer: Payer, words: str) -> None:
    with pytest.raises(Unwritable, match=words):
        write(payer.scheme, PAYMENTS[payer.scheme], payer=payer)


def test_more_than_a_control_record_can_hold_is_refused() -> None:
    most = [
        replace(ACH, id=f"P-{number}", end_to_end_id=f"E{number}", amount=9_999_999_999)
        for number in range(101)
    ]
    write("ach", *most[:100])
    with pytest.raises(Unwritable, match="more than an ACH file can hold"):
        write("ach", *most)


def test_two_ach_files_of_a_minute_differ_by_their_modifier() -> None:
    files = [write("ach", ACH, modifier=modifier) for modifier in "AB"]
    assert {file[:34] for file in files} == {
        b"101 02100002112345678902611300400A",
        b"101 02100002112345678902611300400B",
    }
    with pytest.raises(Unwritable, match="modifier"):
        write("ach", ACH, modifier="AB")


def test_the_schema_refuses_what_our_own_rules_would_let_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The last look before a file leaves is not ours: a fault of our rules becomes no money."""
    monkeypatch.setattr("payviox.rails.bank.instructions.check", lambda *_: None)
    with pytest.raises(Unwritable, match="EndToEndId"):
        write("sepa", replace(SEPA, end_to_end_id="E" * 36))
    with pytest.raises(Unwritable, match="IBAN") as raised:
        write("sepa", replace(SEPA, account=Iban("nonsense-number")))
    assert "nonsense-number" not in str(raised.value)


@given(st.integers(0, 93), st.sampled_from("0123456789"), st.integers(0, 4))
def test_an_ach_file_that_was_written_wrong_does_not_leave(at: int, digit: str, line: int) -> None:
    """A changed digit anywhere in what is counted is found when the file is read again."""
    good = nacha.write(ACH_PAYER, "F-1", DAY, NOW, [ACH]).decode()
    lines = good.split("\r\n")
    changed = lines[line][:at] + digit + lines[line][at + 1 :]
    counted = {2: range(39), 3: range(4, 44), 4: range(1, 55)}.get(line, range(0))
    if changed == lines[line] or at not in counted or (line == 2 and at in {1, 2}):
        return
    lines[line] = changed
    with pytest.raises((Unwritable, ValueError)):
        nacha._compare("\r\n".join(lines).encode(), [ACH])
