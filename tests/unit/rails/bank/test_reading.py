"""What banks send is read as it is meant, whatever version of the message; what contradicts itself
or attacks the reader is refused with words."""

import contextlib
import re
import tracemalloc
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payviox.rails.bank import reading, xml
from payviox.rails.bank.model import Report, ReportEntry, Unreadable

CAMT = "urn:iso:std:iso:20022:tech:xsd:camt.053.001."
ACCOUNT = "<Acct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy></Acct>"


def balance(code: str, amount: str, way: str = "CRDT") -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy='EUR'>{amount}</Amt>"
        f"<CdtDbtInd>{way}</CdtDbtInd><Dt><Dt>2026-12-01</Dt></Dt></Bal>"
    )


def entry(
    amount: str,
    way: str,
    details: str = "",
    *,
    status: str = "<Cd>BOOK</Cd>",
    reference: str = "R1",
    more: str = "",
) -> str:
    return (
        f"<Ntry><Amt Ccy='EUR'>{amount}</Amt><CdtDbtInd>{way}</CdtDbtInd>{more}"
        f"<Sts>{status}</Sts><BookgDt><Dt>2026-12-01</Dt></BookgDt>"
        f"<AcctSvcrRef>{reference}</AcctSvcrRef>"
        f"<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>ICDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn>"
        f"</BkTxCd><NtryDtls>{details}</NtryDtls></Ntry>"
    )


def detail(end_to_end_id: str, amount: str | None = None, more: str = "") -> str:
    money = "" if amount is None else f"<Amt Ccy='EUR'>{amount}</Amt>"
    return f"<TxDtls><Refs><EndToEndId>{end_to_end_id}</EndToEndId></Refs>{money}{more}</TxDtls>"


def statement(*parts: str, version: str = "08", name: str = "S1") -> bytes:
    return (
        f"<Document xmlns='{CAMT}{version}'><BkToCstmrStmt><GrpHdr><MsgId>M1</MsgId></GrpHdr>"
        f"<Stmt><Id>{name}</Id><ElctrncSeqNb>7</ElctrncSeqNb>{ACCOUNT}{''.join(parts)}</Stmt>"
        f"</BkToCstmrStmt></Document>"
    ).encode()


def only(content: bytes) -> Report:
    (report,) = reading.read(content)
    return report


def told(one: ReportEntry) -> tuple[Any, ...]:
    return one.status, one.end_to_end_id, one.amount, one.direction, one.reason_code


def test_a_statement_is_read_with_its_balances() -> None:
    returned = "<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>"
    report = only(
        statement(
            balance("OPBD", "100.00"),
            balance("CLBD", "89.5"),
            entry("10.00", "DBIT", detail("E1")),
            entry("5.00", "DBIT", detail("E2"), reference="R2"),
            entry("5.00", "CRDT", detail("E2", more=returned), reference="R3"),
            entry("0.50", "DBIT", reference="R4"),
            entry("7.00", "DBIT", detail("E9"), status="<Cd>PDNG</Cd>", reference="R5"),
        )
    )
    assert (report.kind, report.message_id, report.sequence) == ("camt.053", "S1", "7")
    assert (report.account, report.currency) == ("DE89 •••• 3000", "EUR")
    assert report.account_number == "DE89370400440532013000"
    assert (report.opening, report.closing) == (10_000, 8_950)
    assert [told(each) for each in report.entries] == [
        ("booked", "E1", 1000, "debit", None),
        ("booked", "E2", 500, "debit", None),
        ("returned", "E2", 500, "credit", "AC04"),
        ("other", None, 50, "debit", None),
    ]
    assert {each.booked_on for each in report.entries} == {date(2026, 12, 1)}


def test_old_versions_of_statements_are_read_the_same() -> None:
    old = "<AmtDtls><TxAmt><Amt Ccy='EUR'>10.00</Amt></TxAmt></AmtDtls>"
    new = entry("10.00", "DBIT", detail("E1", "10.00"))
    older = entry("10.00", "DBIT", detail("E1", more=old), status="BOOK")
    assert only(statement(new)).entries == only(statement(older, version="02")).entries


def test_a_line_of_many_payments_is_each_of_them() -> None:
    lines = entry("30.00", "DBIT", detail("E1", "10.00") + detail("E2", "20.00"))
    assert [told(each) for each in only(statement(lines)).entries] == [
        ("booked", "E1", 1000, "debit", None),
        ("booked", "E2", 2000, "debit", None),
    ]


def test_a_line_that_names_a_file_alone_is_the_files() -> None:
    batch = "<Btch><PmtInfId>F-1</PmtInfId><NbOfTxs>2</NbOfTxs></Btch>"
    (one,) = only(statement(entry("30.00", "DBIT", batch))).entries
    assert (*told(one), one.file_id) == ("booked", None, 3000, "debit", None, "F-1")


def test_a_line_that_contradicts_its_details_moves_no_payment() -> None:
    lines = entry("30.00", "DBIT", detail("E1", "10.00") + detail("E2", "10.00"))
    (one,) = only(statement(lines)).entries
    assert told(one) == ("other", None, 3000, "debit", None)
    assert "contradiction" in one.evidence


def test_an_id_that_cannot_be_ours_is_none_and_is_not_cut_to_one() -> None:
    for word in ("NOTPROVIDED", "E" * 36, ""):
        (one,) = only(statement(entry("1.00", "DBIT", detail(word)))).entries
        assert told(one) == ("other", None, 100, "debit", None)


def test_an_entry_has_the_same_name_wherever_it_is_told_again() -> None:
    line = entry("10.00", "DBIT", detail("E1"))
    other = entry("10.00", "DBIT", detail("E2"), reference="R2")
    first, second = only(statement(line)), only(statement(other, line, name="S2"))
    assert first.entries[0].entry_ref == second.entries[1].entry_ref
    assert first.digest != second.digest
    notified = statement(line).replace(b"BkToCstmrStmt", b"BkToCstmrDbtCdtNtfctn")
    notified = notified.replace(b"Stmt>", b"Ntfctn>").replace(b"camt.053", b"camt.054")
    assert only(notified).kind == "camt.054"
    assert only(notified).entries[0].entry_ref == first.entries[0].entry_ref


def test_the_same_line_twice_in_a_statement_is_two_entries() -> None:
    line = entry("10.00", "DBIT", detail("E1"))
    names = {each.entry_ref for each in only(statement(line, line)).entries}
    assert len(names) == 2


def test_a_statement_that_does_not_come_to_its_balances_is_refused() -> None:
    with pytest.raises(Unreadable, match="changed or cut"):
        reading.read(
            statement(
                balance("OPBD", "100.00"),
                balance("CLBD", "80.00"),
                entry("10.00", "DBIT", detail("E1")),
            )
        )
    summary = "<TxsSummry><TtlNtries><NbOfNtries>2</NbOfNtries></TtlNtries></TxsSummry>"
    with pytest.raises(Unreadable, match="says 2 entries and has 1"):
        reading.read(statement(summary, entry("10.00", "DBIT")))
    summary = "<TxsSummry><TtlNtries><Sum>11</Sum></TtlNtries></TxsSummry>"
    with pytest.raises(Unreadable, match="the sum that it says"):
        reading.read(statement(summary, entry("10.00", "DBIT")))


def test_several_accounts_in_a_file_are_several_reports() -> None:
    two = statement(entry("1.00", "DBIT")).replace(
        b"</Stmt>",
        f"</Stmt><Stmt><Id>S2</Id>{ACCOUNT}{balance('OPBD', '5', 'DBIT')}</Stmt>".encode(),
    )
    first, second = reading.read(two)
    assert (first.message_id, second.message_id) == ("S1", "S2")
    assert second.opening == -500
    assert first.digest == second.digest


def test_account_numbers_in_a_banks_words_are_not_kept() -> None:
    words = "<AddtlNtryInf>paid to DE89 3704 0044 0532 0130 00, acct 123456789</AddtlNtryInf>"
    line = entry("1.00", "DBIT", detail("E1")).replace("</Ntry>", f"{words}</Ntry>")
    (one,) = only(statement(line)).entries
    assert one.evidence["text"] == "paid to …, acct …"
    assert "DE89370400440532013000" not in repr(only(statement(line)))


def answer(group: str = "", *payments: str, block: str = "") -> bytes:
    return (
        "<Document xmlns='urn:iso:std:iso:20022:tech:xsd:pain.002.001.10'><CstmrPmtStsRpt>"
        "<GrpHdr><MsgId>A1</MsgId></GrpHdr><OrgnlGrpInfAndSts><OrgnlMsgId>F-1</OrgnlMsgId>"
        f"{group}</OrgnlGrpInfAndSts><OrgnlPmtInfAndSts>{block}{''.join(payments)}"
        "</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"
    ).encode()


def payment(end_to_end_id: str, status: str, code: str = "") -> str:
    reason = f"<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn></StsRsnInf>" if code else ""
    return (
        f"<TxInfAndSts><OrgnlEndToEndId>{end_to_end_id}</OrgnlEndToEndId><TxSts>{status}</TxSts>"
        f"{reason}<OrgnlTxRef><Amt><InstdAmt Ccy='EUR'>1.5</InstdAmt></Amt></OrgnlTxRef>"
        "</TxInfAndSts>"
    )


def test_an_answer_to_a_file_is_read_whole_and_in_part() -> None:
    reason = "<StsRsnInf><Rsn><Cd>FF01</Cd></Rsn></StsRsnInf>"
    rejected = only(answer(f"<GrpSts>RJCT</GrpSts>{reason}"))
    assert rejected.kind == "pain.002"
    (one,) = rejected.entries
    assert (one.status, one.file_id, one.end_to_end_id) == ("rejected", "F-1", None)
    assert one.reason_code == "FF01"

    part = only(
        answer("<GrpSts>PART</GrpSts>", payment("E1", "RJCT", "AC01"), payment("E2", "ACSP"))
    )
    assert [(each.status, each.end_to_end_id, each.amount) for each in part.entries] == [
        ("noted", None, None),
        ("rejected", "E1", 150),
        ("accepted", "E2", 150),
    ]
    assert part.entries[1].reason_code == "AC01"

    blocks = only(answer(block=f"<PmtInfSts>RJCT</PmtInfSts>{reason}"))
    assert [(each.status, each.reason_code) for each in blocks.entries] == [("rejected", "FF01")]
    assert only(answer("<GrpSts>ACTC</GrpSts>")).entries[0].status == "accepted"


def test_a_status_that_says_too_little_is_told_apart_from_one_that_says_nothing_new() -> None:
    """That part of a file is rejected has to come with which part."""
    for told_, status in (
        (answer("<GrpSts>PART</GrpSts>"), "other"),
        (answer("<GrpSts>PART</GrpSts>", payment("E1", "ACSP")), "other"),
        (answer("<GrpSts>PART</GrpSts>", payment("E1", "PDNG")), "noted"),
        (answer("<GrpSts>RCVD</GrpSts>"), "noted"),
        (answer("<GrpSts>XYZW</GrpSts>"), "other"),
    ):
        assert only(told_).entries[0].status == status
    for status, said in (("PDNG", "noted"), ("CANC", "other"), ("", "other")):
        assert only(answer("", payment("E1", status))).entries[0].status == said


@pytest.mark.parametrize("code", ["DU01", "AM05"])
def test_a_file_that_was_handed_over_twice_is_not_rejected(code: str) -> None:
    """The bank rejects the second copy, under the id of the first, which it pays."""
    reason = f"<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn></StsRsnInf>"
    (one,) = only(answer(f"<GrpSts>RJCT</GrpSts>{reason}")).entries
    assert (one.status, one.reason_code, one.file_id) == ("noted", code, "F-1")
    (_, one) = only(answer("<GrpSts>RJCT</GrpSts>", payment("E1", "RJCT", code))).entries
    assert (one.status, one.reason_code) == ("noted", code)


@pytest.mark.parametrize("code", ["DU01", "AM05"])
def test_a_payment_that_is_a_duplicate_alone_is_no_copy_of_a_file(code: str) -> None:
    """It is not taken for unpaid either: what it is, somebody finds out."""
    alike = payment("E1", "RJCT", code)
    for told_, named in (
        (answer("<GrpSts>PART</GrpSts>", alike), "other"),
        (answer("<GrpSts>ACCP</GrpSts>", alike, payment("E2", "ACSP")), "other"),
        (answer("", alike, payment("E2", "ACSP")), "other"),
        (answer("", alike, alike), "noted"),
    ):
        entries = [each for each in only(told_).entries if each.end_to_end_id == "E1"]
        assert {(each.status, each.reason_code) for each in entries} == {(named, code)}


@pytest.mark.parametrize("code", ["DU01", "AM05"])
def test_a_code_of_a_duplicate_counts_wherever_it_stands(code: str) -> None:
    duplicate = f"<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn></StsRsnInf>"
    words = "<StsRsnInf><Rsn><Cd>NARR</Cd></Rsn></StsRsnInf>"
    whole = "<GrpSts>RJCT</GrpSts>"
    for told_ in (
        answer(whole + words + duplicate),
        answer(whole, block=f"<PmtInfSts>RJCT</PmtInfSts>{duplicate}"),
        answer(whole + words, payment("E1", "RJCT", code)),
        answer(whole + duplicate, payment("E1", "RJCT", "AC04")),
        answer(block=f"<PmtInfSts>RJCT</PmtInfSts>{words}{duplicate}"),
        answer(
            "", payment("E1", "RJCT").replace("<OrgnlTxRef>", f"{words}{duplicate}<OrgnlTxRef>")
        ),
    ):
        assert {each.status for each in only(told_).entries} == {"noted"}
    part = only(answer("<GrpSts>PART</GrpSts>", payment("E1", "RJCT", code), payment("E2", "RJCT")))
    assert [each.status for each in part.entries] == ["noted", "other", "rejected"]


def test_a_statement_that_names_no_account_is_nobodys() -> None:
    line = entry("1.00", "DBIT", detail("E1"))
    with pytest.raises(Unreadable, match="does not name its account"):
        reading.read(statement(line).replace(ACCOUNT.encode(), b""))


def test_what_a_statement_leaves_out_its_closing_balance_says() -> None:
    bare = statement(balance("OPBD", "5"), balance("CLBD", "5")).replace(b"<Ccy>EUR</Ccy>", b"")
    report = only(bare)
    assert (report.currency, report.period_to) == ("EUR", date(2026, 12, 1))


def test_a_file_of_elements_alone_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml, "MOST_ELEMENTS", 1_000)
    assert only(statement(entry("1.00", "DBIT", detail("E1")))).entries
    for many in (statement("<a/>" * 1_000), statement(f"<Ntry>{'<a/>' * 1_000}</Ntry>")):
        with pytest.raises(Unreadable, match="more than 1,000 elements"):
            reading.read(many)


BOMB = (
    "<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'>"
    + "".join(f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9))
    + "]>"
)
EXTERNAL = "<!DOCTYPE d [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "neither XML"),
        (b"\x00" * 1000, "neither XML"),
        (b"name,amount\n", "neither XML"),
        (b"PK\x03\x04 and so on", "ZIP"),
        (b"%PDF-1.7", "PDF"),
        (b"<html><body/></html>", "no message of ISO 20022"),
        (b"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:pain.001.001.09'/>", "pain.001"),
        (b"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.08'/>", "no statement"),
        (statement()[:-3], "cut off"),
        (statement() + b"<more/>", "well-formed"),
        (BOMB.encode() + statement("&j;"), "entities"),
        (EXTERNAL.encode() + statement("&a;"), "entities"),
        (b"<!DOCTYPE Document SYSTEM 'http://localhost/x.dtd'>" + statement(), "document type"),
        (statement("<a>" * 50 + "</a>" * 50), "nests"),
        (b"<?xml version='1.0' encoding='utf-8'?>" + statement().replace(b"S1", b"\xff"), "well-f"),
        (b"<?xml version='1.0' encoding='klingon'?>" + statement(), "well-formed"),
        (b"<?xml version='1.0' encoding='utf-7'?>" + statement(), "well-formed"),
        (b"\xef\xbb\xbf\xef\xbb\xbf" + statement(), "well-formed"),
        (statement(entry("1.001", "DBIT")), "amount"),
        (statement(entry("-1.00", "DBIT")), "amount"),
        (statement(entry("1e5", "DBIT")), "amount"),
        (statement(entry("9" * 40, "DBIT")), "amount"),
        (statement(entry("1.00", "BOTH")), "neither a credit nor a debit"),
        (statement(entry("1.00", "DBIT").replace("2026-12-01", "2026-13-01")), "date"),
        (statement(entry("1.00", "DBIT").replace("Ccy='EUR'", "")), "currency"),
    ],
)
def test_what_is_no_file_of_a_bank_is_refused_with_words(content: bytes, words: str) -> None:
    with pytest.raises(Unreadable, match=re.escape(words)):
        reading.read(content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_files_are_read_in_the_encodings_that_banks_use(encoding: str) -> None:
    line = entry("1.00", "DBIT", more="").replace(
        "</Ntry>", "<AddtlNtryInf>Gebühr</AddtlNtryInf></Ntry>"
    )
    declared = encoding.removesuffix("-sig")
    text = f"<?xml version='1.0' encoding='{declared}'?>{statement(line).decode()}"
    (one,) = only(text.encode(encoding)).entries
    assert one.evidence["text"] == "Gebühr"


def test_a_large_statement_is_read_entry_by_entry() -> None:
    content = statement(
        *(entry("1.00", "DBIT", detail(f"E{n}"), reference=str(n)) for n in range(3000))
    )
    tracemalloc.start()
    try:
        assert len(only(content).entries) == 3000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The tree of the whole document would be ten times its text.
    assert peak < 6 * len(content)


@given(st.binary(max_size=300), st.integers(0, 2000), st.integers(0, 50))
def test_a_damaged_file_is_read_or_refused_and_nothing_else(
    noise: bytes, at: int, length: int
) -> None:
    good = statement(
        balance("OPBD", "2"), balance("CLBD", "1"), entry("1.00", "DBIT", detail("E1"))
    )
    for content in (good[:at] + noise + good[at + length :], noise):
        with contextlib.suppress(Unreadable):
            assert reading.read(content)
