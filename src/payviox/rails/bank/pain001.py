"""SEPA credit transfers as files: ISO 20022 pain.001, version 001.001.09, and 001.001.03 for banks
that still want it. What is written is held against the published schema and counted again before
anybody gets it."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Literal

from payviox.money import decimal
from payviox.rails.bank import instructions as rules
from payviox.rails.bank import schema
from payviox.rails.bank.characters import written, written_name
from payviox.rails.bank.model import Address, Iban, Instruction, Payer, Unwritable

Version = Literal["pain.001.001.09", "pain.001.001.03"]

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:"


def write(
    payer: Payer,
    message_id: str,
    execution_date: date,
    created_at: datetime,
    instructions: Sequence[Instruction],
    *,
    version: Version = "pain.001.001.09",
) -> bytes:
    """The file, one payment information block with the message's id as its own. `created_at` is
    aware. Raises Unwritable before anything leaves."""
    from lxml import etree  # type: ignore[import-untyped]  # noqa: PLC0415  # slow to load; no types

    rules.check(payer, message_id, execution_date, instructions)
    namespace = NAMESPACE + version
    document = etree.Element(f"{{{namespace}}}Document", nsmap={None: namespace})
    message = _add(document, "CstmrCdtTrfInitn")
    count, total = str(len(instructions)), decimal(sum(each.amount for each in instructions))

    header = _add(message, "GrpHdr")
    _add(header, "MsgId", message_id)
    _add(header, "CreDtTm", created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    _add(header, "NbOfTxs", count)
    _add(header, "CtrlSum", total)
    _add(_add(header, "InitgPty"), "Nm", written_name(payer.name, "sepa"))

    block = _add(message, "PmtInf")
    _add(block, "PmtInfId", message_id)
    _add(block, "PmtMtd", "TRF")
    _add(block, "BtchBookg", "true" if payer.batch_booking else "false")
    _add(block, "NbOfTxs", count)
    _add(block, "CtrlSum", total)
    _add(_add(_add(block, "PmtTpInf"), "SvcLvl"), "Cd", "SEPA")
    _write_execution_date(block, execution_date, version)
    _write_party(block, "Dbtr", payer.name, payer.address)
    _write_account(block, "DbtrAcct", payer.iban or "")
    _write_bank(block, payer.bic, version)
    _add(block, "ChrgBr", "SLEV")
    for instruction in instructions:
        _write_payment(block, instruction)

    content: bytes = etree.tostring(document, xml_declaration=True, encoding="UTF-8")
    _compare(schema.check(content, version), instructions)
    return content


def _write_execution_date(block: Any, day: date, version: Version) -> None:
    asked = _add(block, "ReqdExctnDt", None if version.endswith("09") else day.isoformat())
    if version.endswith("09"):
        _add(asked, "Dt", day.isoformat())


def _write_bank(block: Any, bic: str | None, version: Version) -> None:
    """The paying bank; by an IBAN alone where the payer named no BIC."""
    institution = _add(_add(block, "DbtrAgt"), "FinInstnId")
    if bic is None:
        _add(_add(institution, "Othr"), "Id", "NOTPROVIDED")
    else:
        _add(institution, "BICFI" if version.endswith("09") else "BIC", bic)


def _write_payment(block: Any, instruction: Instruction) -> None:
    payment = _add(block, "CdtTrfTxInf")
    ids = _add(payment, "PmtId")
    _add(ids, "InstrId", instruction.id)
    _add(ids, "EndToEndId", instruction.end_to_end_id)
    amount = _add(_add(payment, "Amt"), "InstdAmt", decimal(instruction.amount))
    amount.set("Ccy", instruction.currency)
    _write_party(payment, "Cdtr", instruction.name, instruction.address)
    assert isinstance(instruction.account, Iban)  # noqa: S101  # the rules have looked
    _write_account(payment, "CdtrAcct", instruction.account.number)
    if instruction.remittance is not None:
        text = written(instruction.remittance, "sepa", rules.REMITTANCE)
        _add(_add(payment, "RmtInf"), "Ustrd", text)


def _write_party(parent: Any, tag: str, name: str, address: Address | None) -> None:
    party = _add(parent, tag)
    _add(party, "Nm", written_name(name, "sepa"))
    if address is None:
        return
    postal = _add(party, "PstlAdr")
    for part, text, most in (
        ("StrtNm", address.street, 70),
        ("PstCd", address.postal_code, 16),
        ("TwnNm", address.city, 35),
    ):
        if text is not None:
            _add(postal, part, written(text, "sepa", most))
    _add(postal, "Ctry", address.country)


def _write_account(parent: Any, tag: str, number: str) -> None:
    _add(_add(_add(parent, tag), "Id"), "IBAN", number)


def _add(parent: Any, tag: str, text: str | None = None) -> Any:
    namespace = parent.tag[: parent.tag.index("}") + 1]
    child = parent.makeelement(namespace + tag)
    child.text = text
    parent.append(child)
    return child


def _compare(document: Any, instructions: Sequence[Instruction]) -> None:
    """Compares the file's payments with those that were asked for: a fault of ours must not leave
    as money."""
    written_payments = [
        (
            payment.findtext("{*}PmtId/{*}EndToEndId"),
            payment.findtext("{*}Amt/{*}InstdAmt"),
            payment.findtext("{*}CdtrAcct/{*}Id/{*}IBAN"),
        )
        for payment in document.iter("{*}CdtTrfTxInf")
    ]
    asked = [
        (each.end_to_end_id, decimal(each.amount), each.account.number)
        for each in instructions
        if isinstance(each.account, Iban)
    ]
    if written_payments != asked:
        raise Unwritable("The file does not hold the payments that were asked for")
