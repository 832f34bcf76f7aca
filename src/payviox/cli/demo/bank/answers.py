"""What the bank writes to its customer in ISO 20022: pain.002, camt.053 and camt.054. A statement
may be of any days, and have a wrong total."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from xml.sax.saxutils import escape

from payviox.cli.demo.bank.books import BankBooks, BankPayment, Line, TakenFile

ISO = "urn:iso:std:iso:20022:tech:xsd:"


def answer_to(taken: TakenFile, number: int, day: date) -> bytes:
    """pain.002 of a file: whole where it was refused, else with each payment."""
    status = "RJCT" if taken.refused else "PART" if taken.rejected else "ACSP"
    reason = _status_reason(taken.refused, taken.words) if taken.refused else ""
    payments = [_status(each, "RJCT", each.course.rejected) for each in taken.rejected]
    payments += [_status(each, "ACSP") for each in taken.taken]
    named = taken.file.named if taken.file else taken.message_id
    message = taken.file.message if taken.file else "pain.001.001.09"
    block = (
        f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>{named}</OrgnlPmtInfId>{''.join(payments)}"
        "</OrgnlPmtInfAndSts>"
    )
    return _document(
        "pain.002.001.10",
        f"<CstmrPmtStsRpt><GrpHdr><MsgId>STS{number:08}</MsgId><CreDtTm>{_at(day)}</CreDtTm>"
        f"</GrpHdr><OrgnlGrpInfAndSts><OrgnlMsgId>{taken.message_id}</OrgnlMsgId>"
        f"<OrgnlMsgNmId>{message}</OrgnlMsgNmId><GrpSts>{status}</GrpSts>{reason}"
        f"</OrgnlGrpInfAndSts>{block if payments else ''}</CstmrPmtStsRpt>",
    )


def statement(books: BankBooks, first: date, last: date, *, wrong_by: int = 0) -> bytes:
    """camt.053 of the days from first to last. `wrong_by` cents make its closing balance a lie."""
    lines = [line for line in books.lines if first <= line.day <= last]
    before = books.opening + sum(line.amount for line in books.lines if line.day < first)
    closing = before + sum(line.amount for line in lines) + wrong_by
    return _document(
        "camt.053.001.08",
        f"<BkToCstmrStmt><GrpHdr><MsgId>M{first:%y%m%d}{last:%y%m%d}</MsgId>"
        f"<CreDtTm>{_at(last)}</CreDtTm></GrpHdr><Stmt><Id>S{first:%y%m%d}{last:%y%m%d}</Id>"
        f"<ElctrncSeqNb>{last.toordinal()}</ElctrncSeqNb><FrToDt><FrDtTm>{_at(first)}</FrDtTm>"
        f"<ToDtTm>{_at(last)}</ToDtTm></FrToDt>{_account(books)}"
        f"{_balance('OPBD', before, books.currency, first)}"
        f"{_balance('CLBD', closing, books.currency, last)}"
        f"{_summary(lines)}{''.join(_entry(line, books.currency) for line in lines)}"
        "</Stmt></BkToCstmrStmt>",
    )


def notification(books: BankBooks, lines: Sequence[Line], number: int) -> bytes:
    """camt.054 of some lines, without balances."""
    return _document(
        "camt.054.001.08",
        f"<BkToCstmrDbtCdtNtfctn><GrpHdr><MsgId>N{number}</MsgId>"
        f"<CreDtTm>{_at(books.today)}</CreDtTm></GrpHdr><Ntfctn><Id>N{number}</Id>"
        f"{_account(books)}{_summary(lines)}"
        f"{''.join(_entry(line, books.currency) for line in lines)}"
        "</Ntfctn></BkToCstmrDbtCdtNtfctn>",
    )


def _document(message: str, content: str) -> bytes:
    head = f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{ISO}{message}">'
    return f"{head}{content}</Document>\n".encode()


def _at(day: date) -> str:
    return datetime.combine(day, time(20), UTC).isoformat()


def _money(cents: int) -> str:
    return f"{abs(cents) // 100}.{abs(cents) % 100:02}"


def _amount(cents: int, currency: str) -> str:
    way = "DBIT" if cents < 0 else "CRDT"
    return f'<Amt Ccy="{currency}">{_money(cents)}</Amt><CdtDbtInd>{way}</CdtDbtInd>'


def _account(books: BankBooks) -> str:
    other = books.number
    number = f"<Othr><Id>{other}</Id></Othr>" if other else f"<IBAN>{books.owner}</IBAN>"
    return f"<Acct><Id>{number}</Id><Ccy>{books.currency}</Ccy></Acct>"


def _balance(code: str, cents: int, currency: str, day: date) -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{_amount(cents, currency)}"
        f"<Dt><Dt>{day}</Dt></Dt></Bal>"
    )


def _summary(lines: Sequence[Line]) -> str:
    total = _money(sum(abs(line.amount) for line in lines))
    return (
        f"<TxsSummry><TtlNtries><NbOfNtries>{len(lines)}</NbOfNtries><Sum>{total}</Sum>"
        "</TtlNtries></TxsSummry>"
    )


def _entry(line: Line, currency: str) -> str:
    family = {"PAYMENT": ("ICDT", "ESCT"), "RETURN": ("RCDT", "RRTN")}.get(
        line.text, ("MDOP", "FEES")
    )
    batch = ""
    if line.named is not None and len(line.payments) > 1:
        batch = (
            f"<Btch><PmtInfId>{line.named}</PmtInfId><NbOfTxs>{len(line.payments)}</NbOfTxs></Btch>"
        )
    details = "".join(_detail(line, payment, currency) for payment in line.payments)
    return (
        f"<Ntry><NtryRef>{line.number}</NtryRef>{_amount(line.amount, currency)}"
        f"<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{line.day}</Dt></BookgDt>"
        f"<ValDt><Dt>{line.day}</Dt></ValDt><AcctSvcrRef>B{line.number:010}</AcctSvcrRef>"
        f"<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>{family[0]}</Cd><SubFmlyCd>{family[1]}</SubFmlyCd>"
        f"</Fmly></Domn></BkTxCd>"
        f"{f'<NtryDtls>{batch}{details}</NtryDtls>' if details else ''}"
        f"<AddtlNtryInf>{escape(line.text)}</AddtlNtryInf></Ntry>"
    )


def _detail(line: Line, payment: BankPayment, currency: str) -> str:
    order = payment.order
    iban = " " not in order.account
    number = f"<IBAN>{order.account}</IBAN>" if iban else f"<Othr><Id>{order.account}</Id></Othr>"
    signed = -order.amount if line.amount < 0 else order.amount
    named = f"<PmtInfId>{line.named}</PmtInfId>" if line.named else ""
    returned = (
        f"<RtrInf><Rsn><Cd>{line.reason}</Cd></Rsn><AddtlInf>Account {order.account}</AddtlInf>"
        "</RtrInf>"
        if line.reason
        else ""
    )
    return (
        f"<TxDtls><Refs>{named}<EndToEndId>{order.end_to_end_id}</EndToEndId></Refs>"
        f"{_amount(signed, currency)}<RltdPties><Cdtr><Pty>"
        f"<Nm>{escape(order.name)}</Nm></Pty></Cdtr><CdtrAcct><Id>{number}</Id></CdtrAcct>"
        f"</RltdPties>{returned}</TxDtls>"
    )


def _status(payment: BankPayment, status: str, code: str | None = None) -> str:
    return (
        f"<TxInfAndSts><OrgnlEndToEndId>{payment.order.end_to_end_id}</OrgnlEndToEndId>"
        f"<TxSts>{status}</TxSts>{_status_reason(code) if code else ''}<OrgnlTxRef><Amt>"
        f'<InstdAmt Ccy="{payment.file.currency}">{_money(payment.order.amount)}</InstdAmt></Amt>'
        "</OrgnlTxRef></TxInfAndSts>"
    )


def _status_reason(code: str | None, words: str = "") -> str:
    said = f"<AddtlInf>{escape(words)}</AddtlInf>" if words else ""
    return f"<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn>{said}</StsRsnInf>"
